import { networkInterfaces } from 'node:os';
import { serialPorts } from '#engine/platform/index.ts';
import type { Choice, ChoiceList } from '#shared/rpc/catalogue.ts';

/** What a field may suggest, as this computer has it at the moment of the question. */
export async function choicesOf(list: ChoiceList): Promise<Choice[]> {
  switch (list) {
    case 'own-addresses':
      return Object.entries(networkInterfaces()).flatMap(([adapter, infos]) =>
        (infos ?? [])
          // Addresses of IPv6 that begin with fe80 mean nothing without the adapter's number.
          .filter(({ address, internal }) => !internal && !address.startsWith('fe80:'))
          .map(({ address }) => ({ value: address, label: adapter })),
      );
    case 'serial-ports':
      return (await serialPorts()).map(({ path, label }) => ({ value: path, label }));
    case 'time-zones':
      return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')].map((zone) => ({
        value: zone,
        label: '',
      }));
  }
}
