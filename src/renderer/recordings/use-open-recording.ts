import { useCallback } from 'react';
import { useClient } from '#renderer/client/index.ts';
import type { RecordingFile } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';

/** Opens a recording and shows it in the trend. */
export function useOpenRecording(): {
  readonly open: (id: string) => Promise<void>;
  /** Asks with the desktop's own dialog; nothing happens when that is cancelled. */
  readonly choose: () => Promise<void>;
  readonly backToLive: () => void;
} {
  const client = useClient();
  const show = useCallback(
    (file: RecordingFile): void => {
      client.stores.view.setState({ openedSource: file.id });
      if (file.damage.length > 0) {
        client.notify({
          kind: 'error',
          text: `"${file.name}" is damaged. What is sound is shown.`,
          advice: file.damage.join(' '),
        });
      }
      client.showPage('/trend');
    },
    [client],
  );
  const open = useCallback(
    async (id: string) => show(await client.rpc.recording.open({ id, path: null })),
    [client, show],
  );
  const choose = useCallback(async () => {
    const { opened } = await client.rpc.recording.choose();
    if (opened !== null) show(opened);
  }, [client, show]);
  const backToLive = useCallback(() => client.stores.view.setState({ openedSource: RUNNING_HISTORY }), [client]);
  return { open, choose, backToLive };
}
