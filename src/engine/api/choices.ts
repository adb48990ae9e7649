import { networkInterfaces } from 'node:os';
import type { Choice, ChoiceList } from '#shared/rpc/contract.ts';

/** What a field may suggest, as this computer has it at the moment of the question. */
export function choicesOf(list: ChoiceList): Choice[] {
  switch (list) {
    case 'own-addresses':
      return Object.entries(networkInterfaces()).flatMap(([adapter, infos]) =>
        (infos ?? [])
          // Addresses of IPv6 that begin with fe80 mean nothing without the adapter's number.
          .filter(({ address, internal }) => !internal && !address.startsWith('fe80:'))
          .map(({ address }) => ({ value: address, label: adapter })),
      );
    case 'time-zones':
      return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')].map((zone) => ({
        value: zone,
        label: '',
      }));
  }
}
