import type { AppClient } from '#renderer/client/index.ts';
import { zoneOf } from '#renderer/plot/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { copyPicture, copyText } from './clipboard.ts';
import type { LegendActions } from './legend-table.tsx';
import { traceParts } from './trace-key.ts';
import type { TrendPageCommands } from './trend-commands.ts';
import type { TrendController } from './trend-controller.ts';
import type { TrendDialogsProps, TrendOpen } from './trend-dialogs.tsx';
import { addAxis, addPlot, type TraceRef, type TraceTag, traceName } from './trend-model.ts';
import type { TrendDraft } from './use-trend-draft.ts';
import { visibleTable } from './visible-data.ts';

export interface PageCommandsOptions {
  readonly client: AppClient;
  readonly controller: TrendController | null;
  readonly draft: TrendDraft;
  readonly tags: ReadonlyMap<string, TraceTag>;
  readonly zone: string | null;
  readonly source: string;
  readonly selected: TraceRef | null;
  readonly actions: () => Pick<LegendActions, 'toggle' | 'solo' | 'remove'>;
  readonly spanS: TrendDialogsProps['spanS'];
  readonly setOpen: (open: TrendOpen) => void;
  /** What can be fetched at the time of the command; null while there is nothing to look at. */
  readonly fetchable: () => Extract<TrendOpen, { kind: 'fetch' }>['choices'] | null;
  readonly findTags: () => void;
  readonly toggleStatistics: () => void;
  readonly openRange: () => void;
}

/** What keys, the palette and the bar do on the page of a trend, as it stands now. */
export function pageCommands(options: PageCommandsOptions): TrendPageCommands {
  const { client, controller, draft, tags, zone, source, selected, actions, setOpen } = options;
  const { trend } = draft;
  return {
    save: () => void draft.save(options.spanS()),
    undoChange: draft.undo,
    canUndoChange: draft.canUndo,
    addPlot: () => draft.change((before) => addPlot(before).trend),
    addAxis: () => {
      const plotId = selected?.plotId ?? trend.plots.at(-1)?.id;
      if (plotId !== undefined) draft.change((before) => addAxis(before, plotId, '').trend);
    },
    findTags: options.findTags,
    removeSelected: () => {
      if (selected !== null) actions().remove(selected);
    },
    hasSelected: selected !== null,
    toggleSelected: () => {
      if (selected !== null) actions().toggle(selected);
    },
    soloSelected: () => {
      if (selected !== null) actions().solo(selected);
    },
    axisOfSelected: () => {
      const trace = trend.plots
        .find((plot) => plot.id === selected?.plotId)
        ?.traces.find((one) => one.tagId === selected?.tagId);
      if (selected !== null && trace !== undefined) {
        setOpen({ kind: 'axis', plotId: selected.plotId, axisId: trace.axisId });
      }
    },
    saveAs: () => setOpen({ kind: 'name', what: 'save-as' }),
    note: () => {
      if (controller !== null) setOpen({ kind: 'note', place: controller.notePlace });
    },
    canNote: source === RUNNING_HISTORY,
    nextEvent: (direction) => {
      if (controller?.goEvent(direction) === false) {
        client.notify({
          kind: 'info',
          text: direction > 0 ? 'No later event is recorded.' : 'No earlier event is recorded.',
        });
      }
    },
    toggleStatistics: options.toggleStatistics,
    copyPicture: () => {
      if (controller !== null) void copyPicture(controller.stack.picture(), trend.name, client);
    },
    copyData: () => {
      if (controller === null) return;
      const table = visibleTable(
        trend.plots.flatMap((plot) =>
          plot.traces.flatMap((trace) => {
            const tag = tags.get(trace.tagId);
            if (tag === undefined || !trace.visible) return [];
            const texts =
              tag.type === 'string' ? { textOf: (value: number) => controller.store.textOf(tag.id, value) } : {};
            return [{ name: traceName(tag), unit: tag.unit, segments: controller.store.segments(tag.id), ...texts }];
          }),
        ),
        controller.window,
        zoneOf(zone),
      );
      void copyText(table, client);
    },
    exportData: () => setOpen({ kind: 'export' }),
    fetchRange: () => {
      const choices = options.fetchable();
      if (choices !== null) setOpen({ kind: 'fetch', choices });
    },
    sendRange: () => setOpen({ kind: 'send' }),
    canFetch: trend.plots.some(({ traces }) => traces.some(({ tagId }) => traceParts(tagId).source !== null)),
    openRange: options.openRange,
  };
}
