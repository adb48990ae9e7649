import {
  climb,
  climbNetwork,
  connectFinding,
  type DriverContext,
  type Finding,
  type Ladder,
  type SharedLink,
} from '#engine/protocols/protocol.ts';
import type { TestStep } from '#shared/model/index.ts';
import { describeAddress, formatAddress, type ModbusAddress } from './address.ts';
import { isSerial, type ModbusConfig, type ModbusDevice, parseRange } from './config.ts';
import { linkOf } from './connection.ts';
import { EXCEPTION, exceptionAdvice, exceptionText } from './exceptions.ts';
import { type Answer, dialTarget, endpointOf, type Link } from './link.ts';
import { openLink } from './open-link.ts';
import { TABLE_SIZE, tables } from './table.ts';

interface Target {
  readonly config: ModbusConfig;
  readonly device: ModbusDevice;
  readonly readAddress: ModbusAddress | null;
}
const CLOSING_MS = 50;

/** The connection test, from this computer's own address up to one value. */
export function testModbus(
  target: Target,
  context: DriverContext,
  signal: AbortSignal,
  shared: SharedLink<ModbusAddress> | null,
): AsyncIterable<TestStep> {
  return climb(context.clock, signal, (ladder) => modbusSteps(ladder, target, context, signal, shared));
}

async function* modbusSteps(
  ladder: Ladder,
  target: Target,
  context: DriverContext,
  signal: AbortSignal,
  shared: SharedLink<ModbusAddress> | null,
): AsyncGenerator<TestStep> {
  const { step, show } = ladder;
  const { config, device } = target;
  const endpoint = endpointOf(config);
  const medium = isSerial(config) ? 'Serial port' : 'TCP connection';
  const spoken = config.framing === 'tcp' ? 'Modbus TCP' : 'Modbus RTU';
  if (!isSerial(config)) yield* climbNetwork(ladder, context.network, dialTarget(config), signal);
  if (shared === null) yield* testOwnLink();
  else yield* testSharedLink(shared);

  async function* testOwnLink(): AsyncGenerator<TestStep> {
    let link: Link | null = null;
    try {
      yield await step(medium, async () => {
        try {
          link = await openLink(config, context, signal);
        } catch (error) {
          if (isSerial(config)) throw error;
          return connectFinding(error, context.network, dialTarget(config));
        }
        return {
          ok: true,
          says: isSerial(config)
            ? `${endpoint} is open, ${config.baudRate} Bd, parity ${config.parity}.`
            : `${endpoint} accepted a connection of its own for this test.`,
        };
      });
      yield* testRequests(
        async (ask) => (link === null ? null : ask(link)),
        async () => {
          // The end of the connection comes right behind the answer, if it comes.
          await context.clock.sleep(CLOSING_MS, signal);
          return link?.notice(1) ?? null;
        },
      );
    } finally {
      await (link as Link | null)?.close();
    }
  }

  async function* testSharedLink(running: SharedLink<ModbusAddress>): AsyncGenerator<TestStep> {
    yield await step(medium, async () => ({
      ok: true,
      skipped: true,
      says: `The running link to ${endpoint} is used; no second ${isSerial(config) ? 'one' : 'connection'} is opened.`,
    }));
    let notice: string | null = null;
    yield* testRequests(
      (ask) =>
        running.run(async (connection) => {
          const link = linkOf(connection);
          notice = connection.notice?.() ?? null;
          return link === undefined ? null : ask(link);
        }, signal),
      async () => notice,
    );
  }

  /**
   * `turn` gives the link for the time of one request and null where there is none; `notice` says what was unusual
   * about it.
   */
  async function* testRequests(
    turn: (ask: (link: Link) => Promise<Answer>) => Promise<Answer | null>,
    notice: () => Promise<string | null>,
  ): AsyncGenerator<TestStep> {
    const first: ModbusAddress = target.readAddress ?? { table: 'holding', offset: 0, bit: null, length: null };
    const ask = (count: number, offset = first.offset): Promise<Answer | null> =>
      turn(async (link) => {
        const before = link.tap;
        link.tap = show;
        try {
          const { readFunction } = tables[first.table];
          const answer = await link.read(device.unitId, readFunction, offset, count, device.responseTimeoutMs, signal);
          return answer.kind === 'data' ? { kind: 'data', bytes: Uint8Array.from(answer.bytes) } : answer;
        } finally {
          link.tap = before;
        }
      });

    let answer: Answer | null = null;
    yield await step('Modbus', async () => {
      answer = await ask(1);
      return checkHandshake(answer, device, spoken);
    });
    yield await step('Unit', async () => {
      const finding = checkUnit(answer, device);
      const habit = finding.ok ? await notice() : null;
      return habit === null ? finding : { ...finding, advice: habit };
    });
    yield await step('Read', async () => {
      if (target.readAddress === null) {
        return { ok: true, skipped: true, says: 'The device has no tag yet, so no value was read.' };
      }
      const count = Math.ceil((target.readAddress.length ?? 2) / 2);
      const read = count === 1 ? answer : await ask(count);
      const finding = checkRead(read, target.readAddress);
      if (read?.kind !== 'exception' || read.code !== EXCEPTION.illegalAddress) return finding;
      return { ...finding, advice: `${finding.advice} ${await lookBeside(target.readAddress, count)}`.trim() };
    });

    /** Numbers that are off by one are the usual reason, so that what lies one before and one behind is tried. */
    async function lookBeside(address: ModbusAddress, count: number): Promise<string> {
      const forbidden = device.forbidden.map((text) => parseRange(text, device));
      const readable: string[] = [];
      for (const offset of [address.offset - 1, address.offset + 1]) {
        const last = offset + count - 1;
        const allowed = forbidden.every(
          (range) => range.table !== address.table || range.first > last || range.last < offset,
        );
        if (offset < 0 || last >= TABLE_SIZE || !allowed) continue;
        if ((await ask(count, offset))?.kind === 'data')
          readable.push(formatAddress({ ...address, offset, bit: null }));
      }
      if (readable.length === 0) return 'The addresses beside it cannot be read either.';
      return `${readable.join(' and ')} beside it can be read, so the number may be off by one.`;
    }
  }
}

function checkHandshake(answer: Answer | null, device: ModbusDevice, spoken: string): Finding {
  if (answer === null)
    return { ok: false, says: 'There is no link to ask on.', advice: 'Start the connection and test again.' };
  switch (answer.kind) {
    case 'data':
    case 'exception':
      return { ok: true, says: `The ${spoken === 'Modbus TCP' ? 'host' : 'line'} speaks ${spoken}.` };
    case 'malformed':
      return {
        ok: false,
        says: `The host answers in Modbus TCP, but not to what was asked: ${answer.reason}.`,
        advice: 'Check the unit id, and that the port belongs to a Modbus TCP server.',
      };
    case 'disturbed':
      return disturbedLine(answer.reason);
    case 'silent':
      return {
        ok: false,
        says: `The ${spoken === 'Modbus TCP' ? 'host accepts the connection and leaves' : 'line is open and leaves'} the request unanswered. ${answer.reason}`,
        advice: `Check that unit id ${device.unitId} exists, try 1, 0 and 255, or raise the response time-out.`,
      };
  }
}

const disturbedLine = (reason: string): Finding => ({
  ok: false,
  says: `An answer comes, but ${reason}.`,
  advice: 'Test again. If it stays so, check wiring, termination, and what else disturbs the line.',
});

function checkUnit(answer: Answer | null, device: ModbusDevice): Finding {
  if (
    answer?.kind === 'exception' &&
    (answer.code === EXCEPTION.gatewayPath || answer.code === EXCEPTION.gatewayTarget)
  ) {
    return {
      ok: false,
      says: `The gateway answers for unit ${device.unitId}: ${exceptionText(answer.code)}.`,
      advice: exceptionAdvice(answer.code),
    };
  }
  return { ok: true, says: `Unit ${device.unitId} answers.` };
}

function checkRead(answer: Answer | null, address: ModbusAddress): Finding {
  const { canonical, wire } = describeAddress(address);
  const what = `${canonical} (${wire})`;
  if (answer === null) return { ok: false, says: `${what}: the link was lost.`, advice: 'Test again.' };
  switch (answer.kind) {
    case 'data': {
      const hex = Buffer.from(answer.bytes).toString('hex').toUpperCase();
      const words = hex.replace(/....(?=.)/g, '$& ');
      const number = answer.bytes.length === 2 ? `, ${Number.parseInt(hex, 16)} as uint16` : '';
      return { ok: true, says: `${what} holds ${words} in hex${number}.` };
    }
    case 'exception':
      return {
        ok: false,
        says: `${what}: the device answers ${exceptionText(answer.code)}.`,
        advice: exceptionAdvice(answer.code),
      };
    case 'malformed':
      return {
        ok: false,
        says: `${what}: the answer can't be used: ${answer.reason}.`,
        advice: 'Read fewer registers at once.',
      };
    case 'disturbed':
      return disturbedLine(answer.reason);
    case 'silent':
      return {
        ok: false,
        says: `${what}: ${answer.reason}`,
        advice: 'The unit answers other requests; check that this address exists.',
      };
  }
}
