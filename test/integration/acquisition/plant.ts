import { z } from 'zod';
import type { Clock } from '#engine/platform/index.ts';
import type { PollPlan, ProtocolDriver, SampleSink, TagBinding } from '#engine/protocols/index.ts';
import { AppError } from '#shared/errors.ts';
import { deviceStatusQuality, PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';

/** What one unit behind a link does when it is asked. */
export interface UnitBehaviour {
  /** `hangs`: the driver itself never comes back, not even when told to. */
  mode: 'answers' | 'silent' | 'exception' | 'garbage' | 'bug' | 'hangs';
  latencyMs: number;
  /** Tags, by name in the address, that the unit refuses with exception 2. */
  readonly refused: Set<string>;
}

/** One endpoint that test drivers connect to, with everything that was done to it. */
export interface Plant {
  readonly units: Map<number, UnitBehaviour>;
  connect: 'accepts' | 'refuses' | 'ignores';
  readonly links: Set<{ lose(): void }>;
  connects: number;
  closes: number;
  /** Most requests that were under way on one link at the same time. */
  mostAtOnce: number;
  readonly polls: { readonly unit: number; readonly atMs: number; readonly tags: number }[];
  unit(number: number): UnitBehaviour;
  loseLinks(): void;
  /** Push: sends these samples on every listening link. */
  tell(samples: readonly (readonly [address: string, value: number, time?: number])[]): void;
  readonly listeners: Set<(samples: readonly (readonly [string, number, number?])[]) => void>;
  listens: number;
  /** What drivers say of it while it is connected. */
  notice: string | null;
  /** How often drivers were told to set up anew what may have gone with an adapter. */
  renewals: number;
}

export function createPlant(): Plant {
  const units = new Map<number, UnitBehaviour>();
  const links = new Set<{ lose(): void }>();
  const listeners: Plant['listeners'] = new Set();
  return {
    units,
    connect: 'accepts',
    links,
    connects: 0,
    closes: 0,
    mostAtOnce: 0,
    polls: [],
    listeners,
    listens: 0,
    notice: null,
    renewals: 0,
    unit(number) {
      let unit = units.get(number);
      if (unit === undefined) {
        unit = { mode: 'answers', latencyMs: 1, refused: new Set() };
        units.set(number, unit);
      }
      return unit;
    },
    loseLinks() {
      for (const link of [...links]) link.lose();
    },
    tell(samples) {
      for (const listener of [...listeners]) listener(samples);
    },
  };
}

const config = z.object({
  plant: z.string().min(1, 'A plant is needed.'),
  connectTimeoutMs: z.number().default(1_000),
});
type Config = z.infer<typeof config>;
const device = z.object({
  unit: z.number().int().min(0),
  responseTimeoutMs: z.number().default(200),
  requests: z.number().default(1),
});
type Device = z.infer<typeof device>;

/** Plants by name, as the drivers find them. */
export type Plants = Map<string, Plant>;

function linkLost(name: string): AppError {
  return new AppError('protocol.link-lost', `The link to ${name} is gone.`, {
    details: { endpoint: name },
    retryable: true,
  });
}

function base(id: string): Omit<ProtocolDriver<Config, Device, string>, 'connect'> {
  return {
    id,
    title: id,
    version: '1',
    summary: 'Devices inside the test.',
    config,
    device,
    address: z.string(),
    addressHelp: [],
    sample: {
      config: { plant: 'mill', connectTimeoutMs: 1_000 },
      device: { unit: 1, responseTimeoutMs: 200, requests: 1 },
      address: 'v1',
    },
    can: { browse: false, scan: false },
    valueTypes: ['float64', 'uint64', 'string'],
    statusName: (status) => (status === 2 ? 'Illegal data address' : undefined),
    endpoint: ({ plant }) => plant,
    parseAddress(text) {
      if (/^[a-z]+\d+$/.test(text)) return { address: text, type: null, order: null };
      throw new AppError('config.invalid', `"${text}" is no address. Write a letter and a number, such as v1.`, {
        details: { issues: [{ path: 'address', message: 'Write v1.' }] },
      });
    },
    formatAddress: (address) => address,
    describeAddress: (address) => ({ canonical: address, wire: `value ${address.slice(1)}` }),
    recipe: (tag) => ({
      ...PLAIN_RECIPE,
      form: tag.type === 'string' ? 'text' : tag.type === 'uint64' ? 'bits64' : 'number',
      type: tag.type,
      scaling: tag.scaling,
      unit: tag.unit,
    }),
    async *test() {},
  };
}

async function connectTo(plants: Plants, { plant: name }: Config, signal: AbortSignal): Promise<Plant> {
  const plant = plants.get(name);
  if (plant === undefined) throw new Error(`The test has no plant "${name}".`);
  plant.connects++;
  if (plant.connect === 'refuses') {
    throw new AppError('protocol.connect-failed', `${name} refused the connection.`, {
      details: { endpoint: name },
      retryable: true,
    });
  }
  if (plant.connect === 'ignores') {
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  }
  return plant;
}

/** A polled protocol. The value of `v7` is 7 plus the number of the poll times 1000; text tags get their address. */
export function pollDriver(plants: Plants): ProtocolDriver<Config, Device, string> {
  return {
    ...base('poll'),
    async connect(settings, devices, { clock }, signal) {
      const plant = await connectTo(plants, settings, signal);
      const name = settings.plant;
      let lost: AppError | null = null;
      let running = 0;
      let count = 0;
      const waiting = new Set<(error: AppError) => void>();
      const link = {
        lose() {
          lost = linkLost(name);
          plant.links.delete(link);
          for (const fail of [...waiting]) fail(lost);
        },
      };
      plant.links.add(link);
      const bindings = new WeakMap<PollPlan, readonly TagBinding<string>[]>();

      const answer = (behaviour: UnitBehaviour, timeoutMs: number, aborted: AbortSignal): Promise<void> =>
        new Promise((resolve, reject) => {
          const silent = behaviour.mode === 'silent' || behaviour.latencyMs > timeoutMs;
          const finish = (act: () => void): void => {
            timer[Symbol.dispose]();
            waiting.delete(fail);
            aborted.removeEventListener('abort', onAbort);
            act();
          };
          const timer = clock.after(silent ? timeoutMs : behaviour.latencyMs, () =>
            finish(() =>
              silent
                ? reject(
                    new AppError('protocol.timeout', 'No answer.', {
                      details: { afterMs: timeoutMs },
                      retryable: true,
                    }),
                  )
                : resolve(),
            ),
          );
          const fail = (error: AppError): void => finish(() => reject(error));
          const onAbort = (): void => finish(() => reject(aborted.reason));
          waiting.add(fail);
          aborted.addEventListener('abort', onAbort, { once: true });
        });

      return {
        mode: 'poll',
        plan(deviceId, tags) {
          const requests = devices.get(deviceId)?.requests ?? 1;
          const plan: PollPlan = { deviceId, requests, bytes: 20, tags: tags.map(({ index }) => index) };
          bindings.set(plan, tags);
          return plan;
        },
        async poll(plan, sink, aborted) {
          const settingsOf = devices.get(plan.deviceId);
          const tags = bindings.get(plan);
          if (settingsOf === undefined || tags === undefined) throw new Error('A plan of another link.');
          if (lost !== null) throw lost;
          aborted.throwIfAborted();
          const behaviour = plant.unit(settingsOf.unit);
          running++;
          plant.mostAtOnce = Math.max(plant.mostAtOnce, running);
          plant.polls.push({ unit: settingsOf.unit, atMs: clock.monotonicMs(), tags: tags.length });
          try {
            if (behaviour.mode === 'bug') throw new TypeError('undefined is not a function');
            if (behaviour.mode === 'hangs') await new Promise(() => {});
            await answer(behaviour, settingsOf.responseTimeoutMs, aborted);
          } finally {
            running--;
          }
          if (behaviour.mode === 'exception') {
            throw new AppError('protocol.device-exception', 'The device answered: illegal data address.', {
              details: { code: 2 },
            });
          }
          if (behaviour.mode === 'garbage') {
            throw new AppError('protocol.bad-answer', 'The answer made no sense.', { details: { reason: 'test' } });
          }
          push(tags, behaviour, count++, sink, clock);
        },
        async close() {
          if (plant.links.delete(link)) plant.closes++;
          lost ??= linkLost(name);
        },
      };
    },
  };
}

function push(
  tags: readonly TagBinding<string>[],
  unit: UnitBehaviour,
  count: number,
  sink: SampleSink,
  clock: Clock,
): void {
  const time = clock.now();
  for (const { index, address, recipe } of tags) {
    if (unit.refused.has(address)) sink.push(index, time, Number.NaN, deviceStatusQuality(2));
    else if (recipe.form === 'text') sink.pushText(index, time, `${address} ${count}`, QUALITY.good);
    else if (recipe.form === 'bits64') sink.push64(index, time, 0xffff_ffff, 0xffff_fffe, QUALITY.good);
    else sink.push(index, time, Number(address.slice(1)) + count * 1_000, QUALITY.good);
  }
}

/** A protocol whose devices tell by themselves: `plant.tell`. */
export function pushDriver(plants: Plants): ProtocolDriver<Config, Device, string> {
  return {
    ...base('push'),
    ownTimes: ['source'],
    async connect(settings, _devices, { clock }, signal) {
      const plant = await connectTo(plants, settings, signal);
      let fail: ((error: AppError) => void) | null = null;
      const link = {
        lose() {
          plant.links.delete(link);
          fail?.(linkLost(settings.plant));
        },
      };
      plant.links.add(link);
      return {
        mode: 'push',
        notice: () => plant.notice,
        renew() {
          plant.renewals++;
        },
        listen(tags, sink, aborted) {
          plant.listens++;
          return new Promise((resolve, reject) => {
            const hear: Parameters<Plant['listeners']['add']>[0] = (samples) => {
              for (const [address, value, time] of samples) {
                const tag = tags.find((binding) => binding.address === address);
                if (tag !== undefined) sink.push(tag.index, time ?? clock.now(), value, QUALITY.good);
              }
            };
            plant.listeners.add(hear);
            const end = (act: () => void): void => {
              plant.listeners.delete(hear);
              fail = null;
              act();
            };
            fail = (error) => end(() => reject(error));
            aborted.addEventListener('abort', () => end(resolve), { once: true });
          });
        },
        async close() {
          if (plant.links.delete(link)) plant.closes++;
        },
      };
    },
  };
}
