import { useCallback } from 'react';
import { useClient } from '#renderer/client/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/contract.ts';

/** Opens a recording file and shows it in the trend; resolves with the refusal as a sentence, or null. */
export function useOpenRecording(): {
  readonly open: (target: { readonly id: string } | { readonly path: string }) => Promise<void>;
  readonly backToLive: () => void;
} {
  const client = useClient();
  const open = useCallback(
    async (target: { readonly id: string } | { readonly path: string }) => {
      const file = await client.rpc.recording.open(
        'id' in target ? { id: target.id, path: null } : { id: null, path: target.path },
      );
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
  const backToLive = useCallback(() => client.stores.view.setState({ openedSource: RUNNING_HISTORY }), [client]);
  return { open, backToLive };
}
