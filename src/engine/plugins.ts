import { exporters } from '#engine/exporters/index.ts';
import { protocols } from '#engine/protocols/index.ts';
import { backends } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';

export const allPlugins = { protocols, exporters, backends };

/** All but those that are switched off. Throws `config.invalid` for one that there is not. */
export function pluginsWithout(without: readonly string[]) {
  const all = [...protocols, ...exporters, ...backends].map(({ id }) => id);
  const unknown = without.find((id) => !all.some((known) => known === id));
  if (unknown !== undefined) {
    const message = `There is no protocol, export format or backend "${unknown}" to switch off. There are ${all.join(', ')}.`;
    throw new AppError('config.invalid', message, { details: { issues: [{ path: 'without', message }] } });
  }
  const chosen = ({ id }: { readonly id: string }): boolean => !without.includes(id);
  return {
    protocols: protocols.filter(chosen),
    exporters: exporters.filter(chosen),
    backends: backends.filter(chosen),
  };
}
