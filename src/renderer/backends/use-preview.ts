import { useEffect, useRef, useState } from 'react';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { type MappingPreview, type TableMapping, tableMapping } from '#shared/model/index.ts';
import { mappingFaults } from './mapping-draft.ts';

const PREVIEW_MS = 500;

/** Real rows by the mapping as it stands, a moment after the last change; the last answer stays until the next. */
export function usePreview(
  source: string,
  mapping: TableMapping | null,
): { readonly preview: MappingPreview | null; readonly reading: boolean; readonly previewRefusal: string | null } {
  const client = useClient();
  const newSignal = useAbort();
  const [preview, setPreview] = useState<MappingPreview | null>(null);
  const [reading, setReading] = useState(true);
  const [previewRefusal, setRefusal] = useState<string | null>(null);
  const first = useRef(true);
  const text = mapping === null ? null : JSON.stringify({ ...mapping, name: '', seen: undefined });
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again when what is read changes, not its name
  useEffect(() => {
    if (mapping === null) return;
    const signal = newSignal();
    setReading(true);
    const sound = mappingFaults(mapping).size === 0;
    const timer = setTimeout(
      () => {
        first.current = false;
        if (!sound) {
          setReading(false);
          return;
        }
        client.rpc.sources.preview({ id: source, mapping: tableMapping.parse(mapping) }, { signal }).then(
          (answer) => {
            if (signal.aborted) return;
            setPreview(answer);
            setRefusal(null);
            setReading(false);
          },
          (error: unknown) => {
            if (signal.aborted) return;
            setRefusal(errorText(error));
            setReading(false);
          },
        );
      },
      first.current ? 0 : PREVIEW_MS,
    );
    return () => clearTimeout(timer);
  }, [client, source, text]);
  return { preview, reading, previewRefusal };
}
