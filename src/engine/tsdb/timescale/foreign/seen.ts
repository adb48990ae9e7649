import type { RelationName, TableMapping } from '#shared/model/index.ts';
import type { Survey } from './survey.ts';

/** Every column that a mapping names, by relation, each once. */
export function columnsOf(mapping: TableMapping): { readonly relation: RelationName; readonly columns: string[] }[] {
  const { relation, time, tag, values, quality, labels, rollups } = mapping;
  const own = [
    time.column,
    ...(tag.kind === 'column' || tag.kind === 'table' ? [tag.column] : []),
    ...values.flatMap((value) => [value.column, ...(value.quality === null ? [] : [value.quality])]),
    ...(quality === null ? [] : [quality.column]),
    ...labels.filter(({ of }) => of === 'samples').map(({ column }) => column),
  ];
  const found = [{ relation, columns: [...new Set(own)] }];
  if (tag.kind === 'table') {
    const optional = [tag.unit, tag.description, tag.metric, tag.labels].filter((column) => column !== null);
    const theirs = labels.filter(({ of }) => of === 'tags').map(({ column }) => column);
    found.push({ relation: tag.relation, columns: [...new Set([tag.key, tag.name, ...optional, ...theirs])] });
  }
  for (const rollup of rollups) {
    const columns = [rollup.time, rollup.tag, ...Object.values(rollup.columns)].filter((column) => column !== null);
    found.push({ relation: rollup.relation, columns: [...new Set(columns)] });
  }
  return found;
}

/** The mapped columns as they are now, to be kept with the mapping. */
export function seenOf(mapping: TableMapping, survey: Survey): NonNullable<TableMapping['seen']> {
  return columnsOf(mapping).map(({ relation, columns }) => {
    const found = survey.find(relation);
    const known = new Map(found?.columns.map((column) => [column.name, column]));
    return {
      relation,
      columns: columns.flatMap((name) => {
        const column = known.get(name);
        return column === undefined ? [] : [{ name, type: column.type, position: column.position }];
      }),
    };
  });
}
