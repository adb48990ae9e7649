import type { ReactNode } from 'react';
import { useZone } from '#renderer/client/index.ts';
import {
  Banner,
  formatTime,
  groupDigits,
  MiddleText,
  NO_VALUE,
  plural,
  qualitySign,
  Skeleton,
} from '#renderer/ui/index.ts';
import type { MappingPreview, TableMapping } from '#shared/model/index.ts';
import { type ColumnUse, columnUses } from './mapping-draft.ts';

/** Columns beyond these stay out of the picture unless they are read; a wide table has thousands. */
const MOST_COLUMNS = 40;

const order: readonly ColumnUse[] = ['time', 'tag', 'value', 'quality', 'label'];

/** Real rows of the table beside the samples that come of them. The last picture stays until the next one is there. */
export function MappingPreviewView({
  mapping,
  preview,
  reading,
  refusal,
}: {
  readonly mapping: TableMapping;
  readonly preview: MappingPreview | null;
  readonly reading: boolean;
  readonly refusal: string | null;
}): ReactNode {
  const zone = useZone();
  if (preview === null) {
    return (
      <div className="map-preview-none">
        {refusal !== null ? <Banner tone="error">{refusal}</Banner> : reading ? <Skeleton rows={4} /> : null}
      </div>
    );
  }
  const uses = columnUses(mapping);
  const rank = (name: string): number => {
    const use = uses.get(name);
    return use === undefined ? order.length : order.indexOf(use);
  };
  const places = preview.columns
    .map((name, at) => ({ name, at }))
    .sort((a, b) => rank(a.name) - rank(b.name) || a.at - b.at);
  const shown = places.slice(0, MOST_COLUMNS);
  const sound = preview.samples.filter(({ problems }) => problems.length === 0);
  const tags = new Set(sound.flatMap(({ tag }) => tag ?? []));
  const doubts = preview.samples.length - sound.length;
  return (
    <div className="map-preview" aria-busy={reading}>
      <p className="map-preview-head" role="status">
        <span>
          {`${plural(preview.rows.length, 'row')}${preview.newest ? ', the newest' : ', any: finding the newest would take a scan'}. `}
          {`${plural(sound.length, 'sample')} of ${plural(tags.size, 'tag')}.`}
          {doubts > 0 && ` ${plural(doubts, 'value')} without a sample or with a doubt.`}
        </span>
        {reading && <span className="quiet">reading</span>}
      </p>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      <div className="map-preview-tables">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what is longer than the room */}
        <section className="map-preview-scroll map-rows" aria-label="Rows as they are" tabIndex={0}>
          <table className="plain">
            <thead>
              <tr>
                {shown.map(({ name, at }) => (
                  <th key={at} scope="col" data-use={uses.get(name)}>
                    <span className="map-use">{uses.get(name) ?? ''}</span>
                    {name}
                  </th>
                ))}
                {places.length > shown.length && <th scope="col">{`and ${places.length - shown.length} more`}</th>}
              </tr>
            </thead>
            <tbody>
              {preview.rows.map((row, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a row of a table has no other identity
                <tr key={index}>
                  {shown.map(({ name, at }) => (
                    <td key={at} className="mono" data-use={uses.get(name)} title={row[at] ?? 'NULL'}>
                      {row[at] ?? <span className="quiet">NULL</span>}
                    </td>
                  ))}
                  {places.length > shown.length && <td />}
                </tr>
              ))}
              {preview.rows.length === 0 && (
                <tr>
                  <td colSpan={shown.length + 1} className="quiet">
                    The table has no rows.
                  </td>
                </tr>
              )}
            </tbody>
          </table>
        </section>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what is longer than the room */}
        <section className="map-preview-scroll" aria-label="Samples that come of them" tabIndex={0}>
          <table className="plain">
            <thead>
              <tr>
                <th scope="col" className="num">
                  Row
                </th>
                <th scope="col">Time</th>
                <th scope="col">Tag</th>
                <th scope="col" className="num">
                  Value
                </th>
                <th scope="col">Quality</th>
                <th scope="col">Problem</th>
                <th scope="col">Labels</th>
              </tr>
            </thead>
            <tbody>
              {preview.samples.map((sample, index) => {
                const quality = qualitySign(sample.quality);
                return (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a sample of the picture has no other identity
                  <tr key={index} data-problem={sample.problems.length > 0 ? '' : undefined}>
                    <td className="num quiet">{sample.row + 1}</td>
                    <td className="mono">{formatTime(sample.time, zone, 'millisecond')}</td>
                    <td className="map-tag">{sample.tag === null ? NO_VALUE : <MiddleText text={sample.tag} />}</td>
                    <td className="num">
                      {valueText(sample.value)}
                      {sample.unit !== null && sample.value !== null && <span className="quiet"> {sample.unit}</span>}
                    </td>
                    <td title={sample.value === null ? undefined : quality.cause}>
                      {sample.value === null ? NO_VALUE : `${quality.sign} ${quality.word}`}
                    </td>
                    <td className={sample.value === null ? 'map-doubt quiet' : 'map-doubt'}>
                      {sample.problems.join(' ')}
                    </td>
                    <td className="mono quiet">
                      {Object.entries(sample.labels)
                        .map(([name, value]) => `${name}=${value}`)
                        .join(' ')}
                    </td>
                  </tr>
                );
              })}
              {preview.samples.length === 0 && (
                <tr>
                  <td colSpan={7} className="quiet">
                    No samples come of these rows.
                  </td>
                </tr>
              )}
            </tbody>
          </table>
        </section>
      </div>
    </div>
  );
}

const valueText = (value: number | string | boolean | null): string =>
  value === null
    ? NO_VALUE
    : typeof value === 'number'
      ? // Nine digits are what a float32 is told apart by; the row beside it has them all.
        groupDigits(String(Number(value.toPrecision(9))))
      : typeof value === 'boolean'
        ? value
          ? 'on'
          : 'off'
        : value;
