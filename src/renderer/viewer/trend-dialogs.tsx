import type { ReactNode } from 'react';
import { ExportDialog } from '#renderer/exporting/index.ts';
import { type FetchChoice, FetchDialog, NoteDialog } from '#renderer/recordings/index.ts';
import { SendDialog } from '#renderer/sending/index.ts';
import { Menu, type MenuEntry, type MenuPlace } from '#renderer/ui/index.ts';
import { AxisDialog } from './axis-dialog.tsx';
import { NameDialog } from './name-dialog.tsx';
import { TraceDialog } from './trace-dialog.tsx';
import { traceKey, traceParts } from './trace-key.ts';
import type { TrendController } from './trend-controller.ts';
import { changeAxis, changeKey, type TraceRef, type TraceTag } from './trend-model.ts';
import type { TrendDraft } from './use-trend-draft.ts';

/** What lies over the trend; one thing at a time. */
export type TrendOpen =
  | {
      readonly kind: 'menu';
      readonly at: MenuPlace;
      readonly entries: readonly MenuEntry[];
      readonly label: string;
      readonly keepOpen?: boolean;
    }
  | { readonly kind: 'axis'; readonly plotId: string; readonly axisId: string }
  | { readonly kind: 'trace'; readonly ref: TraceRef }
  | { readonly kind: 'name'; readonly what: 'save-as' | 'rename' }
  | { readonly kind: 'export' }
  | { readonly kind: 'fetch'; readonly choices: readonly FetchChoice[] }
  | { readonly kind: 'send' }
  | { readonly kind: 'note'; readonly place: TrendController['notePlace'] }
  | null;

export interface TrendDialogsProps {
  readonly open: TrendOpen;
  readonly setOpen: (change: TrendOpen | ((now: TrendOpen) => TrendOpen)) => void;
  readonly controller: TrendController | null;
  readonly draft: TrendDraft;
  readonly tags: ReadonlyMap<string, TraceTag>;
  readonly zone: string | null;
  readonly source: string;
  readonly sources: readonly { readonly id: string; readonly name: string }[];
  /** Seconds that are looked at now; saved with the trend. */
  readonly spanS: () => number;
  readonly onTrend: (id: string) => void;
}

export function TrendDialogs(props: TrendDialogsProps): ReactNode {
  const { open, setOpen, controller, draft, tags, zone, source, sources, spanS, onTrend } = props;
  const { trend } = draft;
  const axis =
    open?.kind === 'axis'
      ? trend.plots.find((plot) => plot.id === open.plotId)?.axes.find((one) => one.id === open.axisId)
      : undefined;
  return (
    <>
      {open?.kind === 'menu' && (
        <Menu
          at={open.at}
          entries={open.entries}
          label={open.label}
          keepOpen={open.keepOpen === true}
          onClose={() => setOpen((now) => (now === open ? null : now))}
        />
      )}
      {open?.kind === 'axis' && axis !== undefined && (
        <AxisDialog
          axis={axis}
          shown={controller?.stack.axisRange(open.plotId, open.axisId) ?? null}
          onSave={(change) => {
            controller?.resetAxis(open.plotId, open.axisId);
            draft.change((before) => changeAxis(before, open.plotId, open.axisId, change));
          }}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.kind === 'trace' && (
        <TraceDialog
          name={tags.get(open.ref.tagId)?.name ?? traceParts(open.ref.tagId).tagId}
          parts={traceParts(open.ref.tagId)}
          own={sources.find(({ id }) => id === source)?.name ?? source}
          sources={sources.filter(({ id }) => id !== source)}
          onSave={(parts) => {
            const changed = changeKey(trend, open.ref, traceKey(parts));
            if (changed === null)
              return 'This plot has that trace already. Choose another shift, or leave this one as it is.';
            draft.change(() => changed);
            controller?.select({ ...open.ref, tagId: traceKey(parts) });
            return null;
          }}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.kind === 'name' && (
        <NameDialog
          title={open.what === 'rename' ? 'Rename the trend' : 'Save the trend as'}
          start={open.what === 'rename' ? trend.name : `${trend.name} 2`}
          verb={open.what === 'rename' ? 'Rename' : 'Save'}
          onClose={() => setOpen(null)}
          onName={(name) => {
            if (open.what === 'rename') draft.rename(name);
            else
              void draft.saveAs(name, spanS()).then((id) => {
                if (id !== null) onTrend(id);
              });
          }}
        />
      )}
      {open?.kind === 'note' && (
        <NoteDialog place={open.place} onAdded={() => controller?.refresh()} onClose={() => setOpen(null)} />
      )}
      {open?.kind === 'fetch' && open.choices.length > 0 && (
        <FetchDialog choices={open.choices} zone={zone} onClose={() => setOpen(null)} />
      )}
      {open?.kind === 'send' && controller !== null && (
        <SendDialog
          choices={[
            {
              source,
              sourceName: sources.find(({ id }) => id === source)?.name ?? source,
              ranges: [
                ...(controller.numbersRange.between
                  ? [{ label: 'Between the cursors', range: controller.numbersRange.range }]
                  : []),
                { label: 'What is visible', range: controller.window },
              ],
              // Those of other sources are not recorded here.
              tags: [
                ...new Set(
                  trend.plots.flatMap(({ traces }) =>
                    traces.flatMap(({ tagId }) => (traceParts(tagId).source === null ? traceParts(tagId).tagId : [])),
                  ),
                ),
              ],
            },
          ]}
          target={null}
          zone={zone}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.kind === 'export' && controller !== null && (
        <ExportDialog
          sourceName={sources.find((one) => one.id === source)?.name ?? source}
          traces={trend.plots.flatMap((plot) =>
            plot.traces.flatMap((trace) => {
              if (!trace.visible) return [];
              const parts = traceParts(trace.tagId);
              const label = tags.get(trace.tagId)?.origin ?? '';
              return [{ source: parts.source ?? source, tag: parts.tagId, shiftMs: parts.shiftMs, label }];
            }),
          )}
          visible={controller.window}
          between={controller.numbersRange.between ? controller.numbersRange.range : null}
          zone={zone}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}
