import { expect, it } from 'vitest';
import { z } from 'zod';
import { isAppError } from '#shared/errors.ts';
import { documentSchemas } from '#shared/model/index.ts';
import { contract } from '#shared/rpc/contract.ts';
import type { Call, Contract, Stream } from '#shared/rpc/index.ts';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { seededRandom } from '#test/support/random.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// What a hostile or broken screen can do to the engine after its frames and its input were found to be sound: inputs
// made from the contract's own schemas, with values nobody thinks of.

/** `npm run test:long` makes many times as many calls. */
const CALLS = process.env.PARX_LONG === '1' ? 20_000 : 600;
const SEED = 4_711;
/** Would connect to wherever the input says. */
const LEFT_OUT = ['connections.test'];
/** A handler that has not answered by then hangs; streams may be silent for ever. */
const ANSWER_MS = 10_000;

const { next: random, below, pick } = seededRandom(SEED);

const TEXTS = [
  '',
  'a',
  'b',
  'c1',
  'd1',
  't1',
  't2',
  'history',
  'modbus',
  'csv',
  'parquet',
  'HR1',
  'HR100:f32',
  '40001',
];
const ODD_TEXTS = ['__proto__', 'constructor', '../x', '/', 'ü'.repeat(60), 'a\tb;"c"\n1,2', '\u0000', '\ud800', ' '];
const TIMES = [0, 1, -1, 1e15, Date.now() * 1000, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
/** Loopback and closed ports only: nothing here may reach another program. */
const SETTINGS = {
  host: ['127.0.0.1', '', '127.0.0.1 ', 1, null],
  port: [1, 0, -1, 65_536, 1.5, 'x'],
  unit: [1, 0, 255, 256, -1, null],
  timeoutMs: [1, 100, 0, -5, 1e9],
  a: [1, 'x', null, { b: [] }],
} as const;

type Schema = z.core.JSONSchema.BaseSchema;
const jsonSchema = (schema: z.ZodType): Schema => z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });

function settings(): unknown {
  const entries = Object.entries(SETTINGS).filter(() => random() < 0.7);
  return Object.fromEntries(entries.map(([key, values]) => [key, pick<unknown>(values)]));
}

/** A value of the schema most of the time; what the schema then refuses is a case as well. */
function made(schema: Schema, key = ''): unknown {
  if (key === 'settings' || key === 'options') return settings();
  if (schema.enum !== undefined) return pick(schema.enum);
  if (schema.const !== undefined) return schema.const;
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return made(pick(either) as Schema, key);
  switch (schema.type) {
    case 'object': {
      const known = Object.entries(schema.properties ?? {}).map(([name, of]) => [name, made(of as Schema, name)]);
      return Object.fromEntries(known);
    }
    case 'array': {
      const count = random() < 0.1 ? 0 : 1 + below(5);
      return Array.from({ length: count }, () => made((schema.items ?? {}) as Schema, key));
    }
    case 'string':
      return pick(random() < 0.8 ? TEXTS : ODD_TEXTS).slice(0, schema.maxLength ?? 1e6);
    case 'integer':
    case 'number': {
      const least = Number(schema.minimum ?? schema.exclusiveMinimum ?? Number.NEGATIVE_INFINITY);
      const most = Number(schema.maximum ?? schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY);
      const wanted = pick([...TIMES, least, most, 1, 2, 10, 100, 1000, 0.5]);
      const number = Math.min(Math.max(wanted, least), most);
      return Number.isFinite(number) ? (schema.type === 'integer' ? Math.trunc(number) + 0 : number + 0) : 1;
    }
    case 'boolean':
      return random() < 0.5;
    case 'null':
      return null;
    default:
      return pick<unknown>([null, 1, 'x', {}, [1]]);
  }
}

/** Documents that fit their kind, so that some of them are really written. */
function commitInput(): unknown {
  const kinds = Object.entries(documentSchemas);
  return {
    changes: Array.from({ length: 1 + below(4) }, () => {
      const [kind, schema] = pick(kinds);
      const id = pick(['c1', 'c2', 'd1', 'd2', 't1', 't2', 'bad id']);
      const document = { ...(made(jsonSchema(schema)) as object), id };
      return { kind, id, document: random() < 0.15 ? null : document, expected: pick([null, null, 0, 1, 2, 99]) };
    }),
  };
}

it(`gives an answer or a refusal by code to ${CALLS} odd requests (seed ${SEED})`, { timeout: 1_800_000 }, async () => {
  // The caller gets only a reference; the log has the cause.
  const bugs: string[] = [];
  const { engine, client } = await startEngine(temporaryDirectory(), {
    onLog: ({ level, fields }) => {
      if (level === 'error' && fields !== undefined && 'reference' in fields) bugs.push(JSON.stringify(fields));
    },
  });
  const screen = client() as unknown as Record<
    string,
    Record<string, (input: unknown, options: { signal: AbortSignal }) => Promise<unknown> | AsyncIterable<unknown>>
  >;
  const procedures = Object.entries(contract as Contract)
    .flatMap(([space, entries]) =>
      Object.entries(entries).map(([name, procedure]): [string, string, Call | Stream] => [space, name, procedure]),
    )
    .filter(([space, name]) => !LEFT_OUT.includes(`${space}.${name}`));
  const outcomes = new Map<string, number>();
  const wrong: { procedure: string; input: unknown; outcome: string }[] = [];

  for (let call = 0; call < CALLS; call++) {
    const [space, name, procedure] = pick(procedures);
    const full = `${space}.${name}`;
    const input =
      full === 'project.commit'
        ? commitInput()
        : procedure.input instanceof z.ZodVoid
          ? undefined
          : made(jsonSchema(procedure.input));
    const controller = new AbortController();
    const { signal } = controller;
    const timer = setTimeout(() => controller.abort(), procedure.kind === 'stream' ? 10 : ANSWER_MS);
    let outcome = 'answer';
    let items = 0;
    try {
      const answer = screen[space]![name]!(input, { signal });
      if (procedure.kind === 'call') await answer;
      else {
        for await (const _item of answer as AsyncIterable<unknown>) if (++items === 2) break;
        outcome = 'items';
      }
    } catch (error) {
      outcome = isAppError(error) ? error.code : String(error);
      if (outcome === 'rpc.cancelled' && procedure.kind === 'stream') outcome = items > 0 ? 'items' : 'silent stream';
      if (['internal.bug', 'rpc.cancelled', 'rpc.bad-frame', 'rpc.disconnected'].includes(outcome)) {
        wrong.push({ procedure: full, input, outcome });
      }
    } finally {
      clearTimeout(timer);
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  expect({ wrong: wrong.slice(0, 5), bugs: bugs.slice(0, 5) }).toEqual({ wrong: [], bugs: [] });
  // Enough of the requests got through to the rules behind the schemas.
  for (const outcome of ['answer', 'items', 'config.invalid', 'store.not-found']) {
    expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(0);
  }
  const health = await firstItem(client().engine.health());
  expect(health.version).toBe('0.0.0-test');
  await engine.stop();
});
