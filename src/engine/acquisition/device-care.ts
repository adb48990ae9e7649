import type { Clock, Logger } from '#engine/platform/index.ts';
import { isAppError } from '#shared/errors.ts';
import { deviceStatusQuality, QUALITY, type Quality, qualityText } from '#shared/model/index.ts';
import type { BackOffLimits } from './back-off.ts';
import type { DeviceState } from './device-state.ts';
import type { LinkFacts } from './link-status.ts';
import type { LinkSchedule } from './scheduler.ts';
import { errorSentence } from './sentences.ts';
import type { TagGroup } from './tag-group.ts';

/**
 * What follows from the answers and silences of the devices on one link. A silent device is asked at its own slower
 * pace and gets little of the link while its neighbours are alive; a link on which nobody answers is given up.
 */
export interface DeviceCare {
  /** A new link: what was learned about silence on the old one no longer counts. */
  newLink(): void;
  /** Somebody answered: the link is sound, and so is this device. */
  heard(device: DeviceState): void;
  /** Takes over what the samples of a group told since the last time. */
  note(device: DeviceState, group: TagGroup): void;
  /**
   * A read failed. Throws the error on when it means that the link is gone, or when nobody on the link answers any
   * more, which only a new connect can tell from devices that are off.
   */
  failed(device: DeviceState, group: TagGroup, tookMs: number, error: unknown): void;
  /** Called once at the start of each turn: how long this device may be silent now, when it should be less than its time-out; else Infinity. */
  patienceMs(device: DeviceState): number;
}

export interface DeviceCareOptions {
  readonly facts: LinkFacts;
  readonly schedule: LinkSchedule;
  readonly clock: Clock;
  readonly log: Logger;
  readonly backOff: BackOffLimits;
  /** The link's own back-off starts over. */
  readonly onSound: () => void;
  readonly onBug: (text: string, error: unknown) => void;
}

/** While a neighbour is alive, silent devices share at most half of the link, and after a whole time-out a fifth. */
const REST_PER_LOOK = 1;
const REST_PER_SILENCE = 4;
/**
 * Silent turns in a row, with no answer from anybody and everybody waited for, after which the link itself is under
 * suspicion.
 */
const SILENT_TURNS = 2;
/**
 * First look at devices that share a link, so that those alive are found before the dead have been waited for. Who does
 * not answer it is told as silent once somebody else has answered; it may still be slow, which its second turn shows.
 */
const FIRST_LOOK_MS = 200;
/**
 * A silent device gets its whole time-out at its second turn. Later, because it may just be slow, one of the silent
 * devices of a link gets it once in this time, in rotation.
 */
const WHOLE_TURN_EVERY_MS = 30_000;
const SHORTEST_LOOK_MS = 20;

export function createDeviceCare(options: DeviceCareOptions): DeviceCare {
  const { facts, schedule, clock, log } = options;
  let silentTurns = 0;
  let nextWholeTurnMs = 0;

  const groupsOf = (device: DeviceState): TagGroup[] =>
    [...facts.groups.values()].filter((group) => group.deviceId === device.id);
  const asked = (): DeviceState[] => {
    const ids = new Set([...facts.groups.values()].flatMap(({ turn, deviceId }) => (turn === null ? [] : [deviceId])));
    return [...facts.devices.values()].filter((device) => ids.has(device.id));
  };
  const alive = (device: DeviceState): boolean => device.answered && device.failure === null;

  const silenceOf = (device: DeviceState): string => `No answer from ${device.name} at ${facts.spec.endpoint}.`;

  /** The devices at which a look was in vain are told as silent: by now somebody else has answered, or been waited for. */
  const nameSuspects = (): void => {
    for (const device of asked()) {
      if (device.suspicion === null) continue;
      const { suspicion } = device;
      device.suspicion = null;
      if (device.failure !== null) continue;
      log.warn(silenceOf(device));
      device.failure = suspicion;
      for (const group of groupsOf(device)) group.markBad(QUALITY.badTimeout, silenceOf(device), clock.now());
    }
  };
  /** Silent devices leave the link to their neighbours for a while. */
  const rest = (untilMs: (device: DeviceState) => number): void => {
    for (const device of asked()) {
      if (!alive(device)) schedule.hold(device.id, Math.max(schedule.heldUntil(device.id), untilMs(device)));
    }
  };

  /** The device's tags go bad and it is asked at its own slower pace until it answers. */
  const giveUp = (device: DeviceState, quality: Quality, reason: string, error: unknown): void => {
    const { nominalMs, pauseMs } = device.backOff.next();
    device.failure = { error, retryMs: nominalMs };
    facts.triedMs = clock.monotonicMs();
    schedule.hold(device.id, facts.triedMs + pauseMs);
    for (const group of groupsOf(device)) group.markBad(quality, reason, clock.now());
  };

  const heard = (device: DeviceState): void => {
    silentTurns = 0;
    facts.failure = null;
    facts.attempts = 0;
    options.onSound();
    device.silences = 0;
    device.suspicion = null;
    device.waited = false;
    device.shortLooks = 0;
    if (!device.answered) {
      device.answered = true;
      nameSuspects();
    }
    if (device.failure === null) return;
    device.failure = null;
    device.backOff.reset();
    schedule.hold(device.id, 0);
    schedule.hurry(device.id);
    log.info(`${device.name} at ${facts.spec.endpoint} answers again.`);
  };

  const silent = (device: DeviceState, tookMs: number, error: unknown): void => {
    const nowMs = clock.monotonicMs();
    const others = asked().filter((other) => other !== device);
    device.silences++;
    if (device.silences === 1 && !device.answered && others.length > 0) {
      // Only a look: the others have theirs, then this device is waited for properly.
      device.suspicion = { error, retryMs: options.backOff.minMs };
      schedule.hurry(device.id);
      const unseen = others.filter((other) => !other.answered && other.silences === 0).length;
      const shared = others.some(alive);
      const looksMs = FIRST_LOOK_MS * (shared ? 1 + REST_PER_LOOK : 1) * (unseen + 1);
      rest((one) => nowMs + (one.silences > 0 ? looksMs : shared ? REST_PER_LOOK * tookMs : 0));
      if (shared) nameSuspects();
      return;
    }
    const whole = device.shortLooks === 0;
    if (whole) device.waited = true;
    silentTurns++;
    device.timeouts++;
    device.suspicion = null;
    if (device.failure === null) log.warn(silenceOf(device));
    giveUp(device, QUALITY.badTimeout, silenceOf(device), error);
    nameSuspects();
    if (others.some(alive)) rest(() => nowMs + (whole ? REST_PER_SILENCE : REST_PER_LOOK) * tookMs);
    else if (silentTurns >= SILENT_TURNS && others.every(({ waited }) => waited)) throw error;
  };

  const refused = (device: DeviceState, group: TagGroup, error: unknown): void => {
    device.errors++;
    const reason = errorSentence(error);
    if (isAppError(error, 'protocol.device-exception')) {
      heard(device);
      device.trouble = reason;
      group.markBad(deviceStatusQuality(error.details.code), reason, clock.now());
      schedule.hold(device.id, clock.monotonicMs() + options.backOff.minMs);
      return;
    }
    const known = isAppError(error);
    if (!known) options.onBug(`Reading ${device.name} at ${facts.spec.endpoint} failed.`, error);
    silentTurns++;
    device.suspicion = null;
    device.waited = true;
    giveUp(device, known ? QUALITY.badCommunication : QUALITY.bad, reason, error);
    if (silentTurns > SILENT_TURNS && asked().every(({ waited }) => waited)) throw error;
  };

  const troubleOf = (device: DeviceState): string | null => {
    let bad = 0;
    let total = 0;
    let example: string | null = null;
    for (const group of groupsOf(device)) {
      bad += group.badTags.size;
      total += group.tags.length;
      if (example !== null) continue;
      const [first] = group.badTags;
      const tag = first && group.tags.find((bound) => bound.tag.index === first[0])?.tag;
      if (first === undefined || tag === undefined) continue;
      const cause = qualityText(first[1], (status) => facts.spec.driver.statusName(status)).replace(/^Bad: /, '');
      example = `for example ${tag.name} (${tag.address}): ${cause}`;
    }
    if (example === null) return null;
    return `${bad} of ${total} tags of ${device.name} are bad, ${example}. Check their addresses and types.`;
  };

  return {
    newLink() {
      silentTurns = 0;
      for (const device of facts.devices.values()) {
        device.answered = false;
        device.silences = 0;
        device.suspicion = null;
        device.waited = false;
        schedule.hold(device.id, 0);
      }
    },
    heard,
    note(device, group) {
      const bad = group.badSamples > 0;
      group.badSamples = 0;
      if (bad) device.errors++;
      if (group.lastGood !== null) device.lastGood = Math.max(device.lastGood ?? group.lastGood, group.lastGood);
      // The sentence is made anew only when the bad tags can have changed.
      if (bad || device.trouble !== null) device.trouble = troubleOf(device);
    },
    failed(device, group, tookMs, error) {
      if (isAppError(error, 'protocol.timeout')) silent(device, tookMs, error);
      else if (isAppError(error, 'protocol.link-lost') || isAppError(error, 'protocol.connect-failed')) throw error;
      else refused(device, group, error);
    },
    patienceMs(device) {
      if (alive(device)) return Number.POSITIVE_INFINITY;
      const others = asked().filter((other) => other !== device);
      if (others.length === 0) return Number.POSITIVE_INFINITY;
      if (device.silences === 0) return device.answered ? Number.POSITIVE_INFINITY : FIRST_LOOK_MS;
      const nowMs = clock.monotonicMs();
      const mostOverdue = others.every((other) => alive(other) || other.shortLooks <= device.shortLooks);
      if (device.silences === 1 || (nowMs >= nextWholeTurnMs && mostOverdue)) {
        nextWholeTurnMs = nowMs + WHOLE_TURN_EVERY_MS;
        device.shortLooks = 0;
        return Number.POSITIVE_INFINITY;
      }
      device.shortLooks++;
      const awaited = new Set(others.filter(alive).map((other) => other.id));
      let shortest = Number.POSITIVE_INFINITY;
      for (const group of facts.groups.values()) {
        if (awaited.has(group.deviceId)) shortest = Math.min(shortest, group.periodMs);
      }
      return Math.max(SHORTEST_LOOK_MS, shortest / 2, 3 * (device.response.percentile(0.99) ?? 0));
    },
  };
}
