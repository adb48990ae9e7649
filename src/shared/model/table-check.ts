import type { CatalogueColumn, CatalogueRelation, ColumnKind, TableProblem } from './table-catalogue.ts';
import { type RelationName, type TableMapping, tableMappingFaults } from './table-mapping.ts';

/**
 * What is wrong with a mapping, given the relations as they are now: nothing where it is empty. Errors keep it from being
 * read; warnings say what to expect.
 */
export const checkMapping = (mapping: TableMapping, relations: readonly CatalogueRelation[]): TableProblem[] =>
  inspect(mapping, relations).map(({ problem }) => problem);

/** What has become otherwise since it was mapped, or was never right. */
export const driftOf = (mapping: TableMapping, relations: readonly CatalogueRelation[]): TableProblem[] =>
  inspect(mapping, relations).flatMap(({ problem, changed }) =>
    changed || problem.severity === 'error' ? [problem] : [],
  );

interface Found {
  readonly problem: TableProblem;
  readonly changed: boolean;
}

function inspect(mapping: TableMapping, relations: readonly CatalogueRelation[]): Found[] {
  const problems: Found[] = tableMappingFaults(mapping).map((issue) => ({
    problem: { ...issue, severity: 'error' },
    changed: false,
  }));
  const report: Report = (path, message, severity = 'error', changed = false) => {
    problems.push({ problem: { path, message, severity }, changed });
  };
  const samples = tableAt(mapping, mapping.relation, 'relation', relations, report);
  if (samples === null) return problems;
  checkTime(mapping, samples, report);
  checkTag(mapping, samples, relations, report);
  for (const [at, value] of mapping.values.entries()) {
    const path = `values.${at}`;
    const column = samples.column(`${path}.column`, value.column);
    if (column !== null) {
      const isJson = column.kind === 'json';
      if (value.jsonPath.length > 0 && !isJson) {
        report(`${path}.jsonPath`, `${says(column)}, in which no keys lead anywhere. Leave the way out.`);
      } else if (isJson && value.jsonPath.length === 0) {
        report(`${path}.jsonPath`, `${says(column)}: state the keys that lead to the value.`, 'warning');
      } else if (!isJson && column.kind === 'other') {
        report(`${path}.column`, `${says(column)}, which is no number. Choose another column.`);
      } else if (column.kind === 'instant' || column.kind === 'wall') {
        report(`${path}.column`, `${says(column)}, a time and no value. Choose another column.`);
      } else if (value.type === 'number' && (column.kind === 'text' || column.kind === 'boolean')) {
        report(
          `${path}.type`,
          `${says(column)}: read it as ${column.kind}. Numbers in a text are numbers all the same.`,
        );
      }
    }
    if (value.quality !== null) checkQuality(mapping, samples, `${path}.quality`, value.quality, report);
  }
  if (mapping.quality !== null && mapping.values.every(({ quality }) => quality === null)) {
    checkQuality(mapping, samples, 'quality.column', mapping.quality.column, report);
  }
  for (const [at, { column, of }] of mapping.labels.entries()) {
    if (of === 'samples') samples.column(`labels.${at}.column`, column);
  }
  for (const [at, rollup] of mapping.rollups.entries()) {
    const path = `rollups.${at}`;
    const table = tableAt(mapping, rollup.relation, `${path}.relation`, relations, report);
    if (table === null) continue;
    table.column(`${path}.time`, rollup.time);
    if (rollup.tag !== null) table.column(`${path}.tag`, rollup.tag);
    for (const [name, column] of Object.entries(rollup.columns)) {
      if (column !== null) table.column(`${path}.columns.${name}`, column);
    }
  }
  return problems;
}

type Report = (path: string, message: string, severity?: TableProblem['severity'], changed?: boolean) => void;

/** A relation in which columns are looked up, and told in words where they are missing. */
interface Table {
  readonly relation: CatalogueRelation;
  column(path: string, name: string): CatalogueColumn | null;
}

const quoted = ({ schema, name }: RelationName): string => `"${schema}"."${name}"`;
const says = ({ name, type }: CatalogueColumn): string => `"${name}" is of the type ${type}`;
const isSame = (a: RelationName, b: RelationName): boolean => a.schema === b.schema && a.name === b.name;

function tableAt(
  mapping: TableMapping,
  name: RelationName,
  path: string,
  relations: readonly CatalogueRelation[],
  report: Report,
): Table | null {
  const relation = relations.find((one) => isSame(one, name));
  if (relation === undefined) {
    report(
      path,
      `There is no table ${quoted(name)}, or this login may not read it. Choose another, or ask for the right to read it.`,
    );
    return null;
  }
  const seen = mapping.seen?.find((one) => isSame(one.relation, name))?.columns ?? [];
  const wrong = new Set<string>();
  return {
    relation,
    column(at, column) {
      const found = relation.columns.find((one) => one.name === column);
      const before = seen.find((one) => one.name === column);
      if (found === undefined) {
        const now = before === undefined ? undefined : relation.columns.find((one) => one.position === before.position);
        const near = now ?? nearest(column, relation.columns);
        const advice =
          now !== undefined
            ? `It is called "${now.name}" now: choose that.`
            : near === undefined
              ? 'Choose another column.'
              : `Perhaps "${near.name}" is meant.`;
        report(at, `${quoted(name)} has no column "${column}". ${advice}`);
        return null;
      }
      if (before !== undefined && before.type !== found.type && !wrong.has(column)) {
        wrong.add(column);
        report(
          at,
          `"${column}" was of the type ${before.type} when it was mapped and is ${found.type} now. Look at the preview, and save the mapping if it is right.`,
          'warning',
          true,
        );
      }
      return found;
    },
  };
}

/** The same but for capitals and signs, or at most two letters away. */
function nearest(name: string, columns: readonly CatalogueColumn[]): CatalogueColumn | undefined {
  const bare = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const wanted = bare(name);
  const ranked = columns
    .map((column) => ({ column, away: distance(wanted, bare(column.name)) }))
    .filter(({ away }) => away <= Math.min(2, Math.floor(wanted.length / 2)));
  return ranked.sort((a, b) => a.away - b.away)[0]?.column;
}

function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2 || a.length > 100) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1)!;
}

const TIME_KINDS: Readonly<Record<TableMapping['time']['kind'], readonly ColumnKind[]>> = {
  timestamptz: ['instant'],
  timestamp: ['wall'],
  epoch: ['integer', 'number'],
};

function checkTime({ time, tag }: TableMapping, { relation, column }: Table, report: Report): void {
  const found = column('time.column', time.column);
  if (found === null) return;
  if (!TIME_KINDS[time.kind].includes(found.kind)) {
    const right =
      found.kind === 'instant'
        ? 'It knows its zone: choose a time with a zone.'
        : found.kind === 'wall'
          ? 'It shows a wall clock without a zone: state in which zone it ran.'
          : found.kind === 'integer' || found.kind === 'number'
            ? 'It is a number: state what it counts since 1970.'
            : 'It is no time. Choose another column.';
    report('time.kind', `${says(found)}. ${right}`);
    return;
  }
  if (relation.kind === 'view' || relation.kind === 'foreign' || relation.kind === 'rollup') return;
  const key = tag.kind === 'column' || tag.kind === 'table' ? tag.column : null;
  const helps = relation.indexes.some(
    ([first, second]) => first === time.column || (first === key && second === time.column),
  );
  const rows = relation.rows ?? 0;
  if (!helps && relation.partition?.column !== time.column && rows > 100_000) {
    report(
      'time.column',
      `No index begins with "${time.column}"${key === null ? '' : `, or with "${key}" and it`}: every question reads all ${Math.round(rows).toLocaleString('en')} rows. Ask the administrator for one.`,
      'warning',
    );
  }
}

function checkTag(
  mapping: TableMapping,
  samples: Table,
  relations: readonly CatalogueRelation[],
  report: Report,
): void {
  const { tag, labels } = mapping;
  if (tag.kind === 'columns' || tag.kind === 'fixed') return;
  const own = samples.column('tag.column', tag.column);
  if (tag.kind === 'column') {
    if (own !== null && (own.kind === 'json' || own.kind === 'other')) {
      report('tag.column', `${says(own)}, which names no tag. Choose another column.`);
    }
    return;
  }
  const table = tableAt(mapping, tag.relation, 'tag.relation', relations, report);
  if (table === null) return;
  const column = (path: string, name: string | null): CatalogueColumn | null =>
    name === null ? null : table.column(path, name);
  const key = column('tag.key', tag.key);
  column('tag.name', tag.name);
  column('tag.unit', tag.unit);
  column('tag.description', tag.description);
  column('tag.metric', tag.metric);
  const more = column('tag.labels', tag.labels);
  if (more !== null && more.kind !== 'json') report('tag.labels', `${says(more)}, not JSON. Choose another column.`);
  for (const [at, label] of labels.entries()) if (label.of === 'tags') column(`labels.${at}.column`, label.column);
  if (own !== null && key !== null && own.kind !== key.kind) {
    report('tag.key', `${says(key)}, and ${says(own)}: they cannot be compared. Choose columns of one type.`);
  }
}

const RULE_KINDS: Readonly<Record<NonNullable<TableMapping['quality']>['rule'], readonly ColumnKind[]>> = {
  opc: ['integer', 'number'],
  'status-code': ['integer', 'number'],
  own: ['integer', 'number'],
  boolean: ['boolean'],
  values: ['integer', 'number', 'boolean', 'text'],
};

function checkQuality({ quality }: TableMapping, table: Table, path: string, name: string, report: Report): void {
  const column = table.column(path, name);
  if (column === null || quality === null || RULE_KINDS[quality.rule].includes(column.kind)) return;
  report(path, `${says(column)}, which the rule "${quality.rule}" cannot read. Choose another rule or column.`);
}
