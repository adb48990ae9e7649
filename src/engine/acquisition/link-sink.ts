import type { Clock } from '#engine/platform/index.ts';
import type { SampleSink } from '#engine/protocols/protocol.ts';
import type { UnixMicros } from '#shared/model/index.ts';
import { type BlockBuilder, soundQuality, soundTime } from './block-builder.ts';
import type { DeviceClock } from './device-clock.ts';
import type { TagGroup } from './tag-group.ts';

/** Where the samples of one tag of a link go. */
export interface Route {
  readonly group: TagGroup;
  /** The tag wants this computer's time, whatever the device says. */
  readonly receiveTime: boolean;
  /** Of the tag's device. */
  readonly clock: DeviceClock | undefined;
}

/** The sink of one session. After `close`, late answers of an abandoned request reach nobody. */
export interface LinkSink extends SampleSink {
  close(): void;
}

/**
 * `told`: the device tells by itself, so its times are its own and the receive time is taken here. The answer to a
 * request is dated by the driver when it arrives, which is the receive time.
 */
export function createLinkSink(
  clock: Clock,
  builder: BlockBuilder,
  intern: (text: string) => number,
  routeOf: (index: number) => Route | undefined,
  told: boolean,
): LinkSink {
  let open = true;
  let at: UnixMicros = 0;
  let received: UnixMicros = 0;

  /** Finds the tag's route and puts the two times of the sample into `at` and `received`. */
  const admit = (index: number, time: number): Route | undefined => {
    const route = open ? routeOf(index) : undefined;
    // The tag was taken out while its read was under way.
    if (route === undefined) return undefined;
    if (told) {
      received = clock.now();
      if (Number.isFinite(time)) route.clock?.note(time, received);
      at = route.receiveTime ? received : soundTime(time, received);
    } else if (route.receiveTime) {
      at = Number.isFinite(time) ? soundTime(time, 0) : clock.now();
      received = at;
    } else {
      received = clock.now();
      at = soundTime(time, received);
    }
    return route;
  };

  return {
    close() {
      open = false;
    },
    push(index, time, value, quality) {
      const route = admit(index, time);
      if (route === undefined) return;
      const cause = soundQuality(quality);
      route.group.arrived(index, at, received, cause);
      builder.push(index, at, received, value, cause);
      if (told) builder.closeSoon();
    },
    push64(index, time, high, low, quality) {
      const route = admit(index, time);
      if (route === undefined) return;
      const cause = soundQuality(quality);
      route.group.arrived(index, at, received, cause);
      builder.push64(index, at, received, high, low, cause);
      if (told) builder.closeSoon();
    },
    pushText(index, time, text, quality) {
      const route = admit(index, time);
      if (route === undefined) return;
      const cause = soundQuality(quality);
      route.group.arrived(index, at, received, cause);
      builder.push(index, at, received, intern(text), cause);
      if (told) builder.closeSoon();
    },
  };
}
