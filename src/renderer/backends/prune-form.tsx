import { FileCode2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useClient, useZone } from '#renderer/client/index.ts';
import { Button, formatTime, TextField } from '#renderer/ui/index.ts';
import { parseTime, type UnixMicros, zoneOf } from '#shared/model/index.ts';

const HINT = 'Write a time as 2026-11-21 14:03 or now-90d.';

/** Removing what is older than a time: first the plan, which tells how many samples that is. */
export function PruneForm({
  first,
  onPlan,
}: {
  /** Of the oldest sample; null where there is none, or that is not known. */
  readonly first: UnixMicros | null;
  readonly onPlan: (before: UnixMicros) => void;
}): ReactNode {
  const client = useClient();
  const zone = useZone();
  const [text, setText] = useState('now-90d');
  const [asked, setAsked] = useState(false);
  const now = client.now();
  const read = parseTime(text, now, zoneOf(zone));
  const before = read === null ? null : Math.floor(read.time / 1_000_000) * 1_000_000;
  const fault =
    before === null
      ? HINT
      : before > now
        ? 'This lies ahead: every sample would go. Take a time in the past.'
        : undefined;
  return (
    <section className="source-group" aria-labelledby="prune">
      <h3 className="section-title" id="prune">
        Old samples
      </h3>
      <form
        className="query-bar prune"
        aria-label="Remove old samples"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(true);
          if (before !== null && fault === undefined) onPlan(before);
        }}
      >
        <TextField
          label="Remove what is before"
          help={HINT}
          mono
          value={text}
          error={asked ? fault : undefined}
          onChange={setText}
        />
        <span className="quiet">
          {fault === undefined && (
            <>
              {formatTime(before, zone)}
              {first !== null && before !== null && before <= first && ', before the first sample'}
            </>
          )}
        </span>
        <span className="toolbar-gap" />
        <Button icon={FileCode2} type="submit" title="Nothing is removed before the plan was shown">
          Show the plan
        </Button>
      </form>
    </section>
  );
}
