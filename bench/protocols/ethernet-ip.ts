import { connect, type Socket } from 'node:net';
import { ethernetIp } from '#engine/protocols/ethernet-ip/index.ts';
import type { PollConnection, TagBinding } from '#engine/protocols/index.ts';
import { createDecoder } from '#shared/model/index.ts';
import { columnSink, compare, context, createSide, quantile, round, signal, startPeer } from './rig.ts';

const TAGS = 5_000;
const POLLS = 5;
/** Bytes of a message on a large connection, without its sequence count. */
const MESSAGE_BYTES = 4_000;

/** The fewest packets for so many reads of one kind, by what request and answer take in a packet of many. */
function fewest(requestBytes: number, answerBytes: number): number {
  // Service, path to the message router and the number of services; then two bytes of offset for each.
  const asked = Math.floor((MESSAGE_BYTES - 8) / (requestBytes + 2));
  const answered = Math.floor((MESSAGE_BYTES - 6) / (answerBytes + 2));
  return Math.ceil(TAGS / Math.min(asked, answered));
}

/** 5,000 DINT by name, then as an array. A bare socket sends the same packets and throws the answers away. */
export async function measureEthernetIp(rounds: number): Promise<string[]> {
  const peer = await startPeer('ethernet-ip', TAGS);
  const failures: string[] = [];
  for (const { what, address, least } of [
    {
      what: 'by name',
      address: (n: number) => `T${String(n).padStart(4, '0')}`,
      // Service, length of the path, segment of five letters made even, elements; service, status, type, value.
      least: fewest(2 + 8 + 2, 4 + 2 + 4),
    },
    // One run of elements in each packet: 4,000 bytes less head, type, and the head of the packet of many.
    { what: 'in an array', address: (n: number) => `Field[${n}]`, least: Math.ceil((4 * TAGS) / (MESSAGE_BYTES - 6)) },
  ]) {
    const device = ethernetIp.device.parse({ route: '1,0' });
    const sent: Buffer[] = [];
    const traced = {
      ...context,
      trace: (way: string, bytes: Uint8Array) => void (way === 'sent' && sent.push(Buffer.from(bytes))),
    };
    const open = (used: typeof context): Promise<PollConnection> =>
      ethernetIp.connect(
        ethernetIp.config.parse({ host: '127.0.0.1', port: peer.port }),
        new Map([['d', device]]),
        used,
        signal,
      ) as Promise<PollConnection>;
    const intRecipe = ethernetIp.recipe(
      { type: 'int32', order: null, scaling: null, unit: null },
      ethernetIp.parseAddress('T').address,
    );
    const planOn = (connection: PollConnection) =>
      connection.plan(
        'd',
        Array.from({ length: TAGS }, (_, index) => {
          const parsed = ethernetIp.parseAddress(address(index)).address;
          return { index, address: parsed, recipe: intRecipe } as TagBinding<never>;
        }),
      );
    const { column, sink } = columnSink(TAGS);
    // What a first connection sends is what the bare socket repeats.
    const recorded = await open(traced as typeof context);
    await recorded.poll(planOn(recorded), sink, signal);
    const frames = [...sent];
    await recorded.close();
    const bare = await openBare(peer.port, frames);
    const connection = await open(context);
    const plan = planOn(connection);
    const pollOurs = (): Promise<void> => connection.poll(plan, sink, signal);
    for (const poll of [pollOurs, bare.poll]) for (let n = 0; n < 20; n++) await poll();
    await peer.ask(0);
    column.fill(-1);
    await pollOurs();
    const wire = await peer.ask<number>(0);
    const decoder = createDecoder(intRecipe);
    const wrong = column.filter((_, n) => decoder.one(column, n) !== n * 7).length;
    const ours = createSide();
    const theirs = createSide();
    for (let n = 0; n < rounds; n++) {
      const sides = [() => round(ours, POLLS, pollOurs), () => round(theirs, POLLS, bare.poll)];
      for (const side of n % 2 === 0 ? sides : sides.reverse()) await side();
    }
    const perSecond = (1_000 * TAGS) / quantile(ours.ms, 0.5);
    console.log(
      `EtherNet/IP: ${TAGS} tags ${what} in ${wire} packets (fewest ${least}), ${wrong} wrong values, ${perSecond.toFixed(0)} tags a second one poll after the other`,
    );
    console.log(`  beside a bare socket with the same packets: ${compare(ours, theirs).text}`);
    if (wire > least || wrong > 0) failures.push(`EtherNet/IP ${what}: more packets than needed, or wrong values.`);
    if (perSecond < 5_000) failures.push(`EtherNet/IP ${what}: fewer than 5,000 tags a second.`);
    await connection.close();
    bare.socket.destroy();
  }
  await peer.end();
  return failures;
}

/** A session and a connection opened with the recorded frames, and their reads sent again and again. */
async function openBare(port: number, frames: readonly Buffer[]): Promise<{ socket: Socket; poll(): Promise<void> }> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let waiting = Buffer.alloc(0);
  let wake: ((frame: Buffer) => void) | null = null;
  socket.on('data', (bytes) => {
    waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
    if (waiting.length < 24 || waiting.length < 24 + waiting.readUInt16LE(2)) return;
    const frame = waiting;
    waiting = Buffer.alloc(0);
    wake?.(frame);
  });
  const ask = (frame: Buffer): Promise<Buffer> =>
    new Promise((resolve) => {
      wake = resolve;
      socket.write(frame);
    });
  const command = (frame: Buffer): number => frame.readUInt16LE(0);
  const register = frames.find((frame) => command(frame) === 0x65)!;
  const session = (await ask(register)).readUInt32LE(4);
  // Large forward open, in the message behind session header, items and their heads.
  const forwardOpen = Buffer.from(frames.find((frame) => command(frame) === 0x6f && frame[40] === 0x5b)!);
  forwardOpen.writeUInt32LE(session, 4);
  const target = (await ask(forwardOpen)).readUInt32LE(44);
  const reads = frames
    .filter((frame) => command(frame) === 0x70)
    .map((frame) => {
      const copy = Buffer.from(frame);
      copy.writeUInt32LE(session, 4);
      copy.writeUInt32LE(target, 36);
      return copy;
    });
  let sequence = 0;
  return {
    socket,
    async poll() {
      for (const read of reads) {
        sequence = (sequence + 1) & 0xffff;
        read.writeUInt16LE(sequence, 44);
        await ask(read);
      }
    },
  };
}
