import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  type ClientOf,
  type Column,
  type Contract,
  call,
  column,
  type HandlersOf,
  nothing,
  ROLES,
  roleAllows,
  stream,
} from './procedure.ts';

const contract = {
  connections: {
    start: call({
      role: 'engineer',
      input: z.object({ id: z.string(), tries: z.number().default(1) }),
      output: nothing,
    }),
    count: call({ role: 'viewer', input: nothing, output: z.number() }),
  },
  live: {
    values: stream({ role: 'viewer', input: nothing, item: z.object({ value: column('f64') }) }),
  },
} as const satisfies Contract;
type Client = ClientOf<typeof contract>;
type Handlers = HandlersOf<typeof contract>;

describe('types of a contract', () => {
  it('give the client what the handlers give, and the handlers what the schemas made of the input', () => {
    expectTypeOf<Client['connections']['start']>()
      .parameter(0)
      .toEqualTypeOf<{ id: string; tries?: number | undefined }>();
    expectTypeOf<Handlers['connections']['start']>().parameter(0).toEqualTypeOf<{ id: string; tries: number }>();
    expectTypeOf<Client['connections']['count']>().toBeCallableWith();
    expectTypeOf<Client['connections']['count']>().returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf<Client['live']['values']>().returns.toEqualTypeOf<AsyncIterable<{ value: Column<'f64'> }>>();
  });

  it('take a buffer of any kind to send, and give one of their own', () => {
    expectTypeOf<Float64Array<SharedArrayBuffer>>().toExtend<z.input<ReturnType<typeof column<'f64'>>>>();
    expectTypeOf<z.output<ReturnType<typeof column<'f64'>>>>().toEqualTypeOf<Float64Array<ArrayBuffer>>();
  });

  it('refuse handlers that do not fit', () => {
    const handlers: Handlers = {
      connections: { start: async () => undefined, count: async () => 1 },
      live: {
        async *values() {
          yield { value: new Float64Array(1) };
        },
      },
    };
    expect(Object.keys(handlers)).toEqual(['connections', 'live']);
    // @ts-expect-error a handler is missing
    const missing: Handlers = { connections: { start: handlers.connections.start }, live: handlers.live };
    // @ts-expect-error a whole name space is missing
    const missingSpace: Handlers = { connections: handlers.connections };
    // @ts-expect-error the answer is of another type
    const wrongAnswer: Handlers['connections']['count'] = async () => 'one';
    // @ts-expect-error a stream needs a sequence, not one item
    const notASequence: Handlers['live']['values'] = async () => ({ value: new Float64Array(1) });
    // @ts-expect-error the column is of another type
    const wrongColumn: Handlers['live']['values'] = async function* () {
      yield { value: new Float32Array(1) };
    };
    // @ts-expect-error the input has no such property
    const wrongInput: Handlers['connections']['start'] = async (input: { name: string }) => void input.name;
    const unused = [missing, missingSpace, wrongAnswer, notASequence, wrongColumn, wrongInput];
    expect(unused).toHaveLength(6);
  });

  it('refuse calls that do not fit', () => {
    const wrong = (client: Client) => [
      // @ts-expect-error no such property
      client.connections.start({ name: 'a' }),
      // @ts-expect-error the input is missing
      client.connections.start(),
      // @ts-expect-error no such procedure
      client.connections.halt,
      // @ts-expect-error no such name space
      client.nothing,
    ];
    expect(wrong).toBeTypeOf('function');
  });
});

describe('column', () => {
  it('accepts its own element type up to its length, NaN included', () => {
    const schema = column('f64', 3);
    expect(schema.safeParse(new Float64Array([Number.NaN, 1, 2])).success).toBe(true);
    expect(schema.safeParse(new Float64Array(4)).success).toBe(false);
    expect(schema.safeParse(new Float32Array(1)).success).toBe(false);
    expect(schema.safeParse([1, 2]).success).toBe(false);
  });

  it('says in its metadata what it is', () => {
    expect(z.toJSONSchema(column('u16', 9), { unrepresentable: 'any' })).toMatchObject({ column: 'u16', maxLength: 9 });
  });
});

it('each role may what the roles below it may', () => {
  for (const [held, role] of ROLES.entries()) {
    for (const [needed, required] of ROLES.entries()) expect(roleAllows(role, required)).toBe(held >= needed);
  }
});
