import { CircleX, Info, X } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { type Notice, useClient, useStores } from '#renderer/client/index.ts';
import { Button, IconButton } from '#renderer/ui/index.ts';

/** An offer to undo should not vanish while it is being read; errors stay until they are closed. */
const INFO_MS = 9000;

export function Notices(): ReactNode {
  const notices = useStores('notices', (state) => state.notices);
  return (
    <section className="notices" aria-label="Messages" aria-live="polite">
      {notices.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} />
      ))}
    </section>
  );
}

function NoticeCard({ notice }: { readonly notice: Notice }): ReactNode {
  const client = useClient();
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (notice.kind === 'error' || held) return;
    const timer = setTimeout(() => client.dismiss(notice.id), INFO_MS);
    return () => clearTimeout(timer);
  }, [notice, held, client]);
  const Icon = notice.kind === 'error' ? CircleX : Info;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the pointer only stops the clock
    <div
      className="notice"
      data-tone={notice.kind}
      role={notice.kind === 'error' ? 'alert' : 'status'}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
    >
      <Icon size={15} aria-hidden />
      <div className="selectable">
        <p>{notice.text}</p>
        {notice.advice !== null && <p className="quiet">{notice.advice}</p>}
      </div>
      {notice.action !== null && (
        <Button
          onClick={() => {
            client.dismiss(notice.id);
            notice.action?.run();
          }}
        >
          {notice.action.label}
        </Button>
      )}
      <IconButton icon={X} label="Close the message" onClick={() => client.dismiss(notice.id)} />
    </div>
  );
}
