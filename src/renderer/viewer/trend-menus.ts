import type { PlotHit } from '#renderer/plot/index.ts';
import type { MenuEntry } from '#renderer/ui/index.ts';
import type { TrendDocument } from '#shared/model/index.ts';
import type { TrendPageCommands } from './trend-commands.ts';
import type { TrendController } from './trend-controller.ts';
import {
  addAxis,
  addPlot,
  changeAxis,
  moveTrace,
  removeAxis,
  removePlot,
  type TraceRef,
  type TraceTag,
} from './trend-model.ts';

export interface MenuEdit {
  readonly trend: TrendDocument;
  readonly tags: ReadonlyMap<string, TraceTag>;
  change(change: (trend: TrendDocument) => TrendDocument): void;
  setOpen(
    open:
      | { readonly kind: 'axis'; readonly plotId: string; readonly axisId: string }
      | { readonly kind: 'trace'; readonly ref: TraceRef },
  ): void;
}

/** What can be done at a place in a plot; the same commands as in the palette, with the keys beside them. */
export function plotMenu(
  controller: TrendController,
  hit: PlotHit,
  edit: MenuEdit,
  page: TrendPageCommands,
): readonly MenuEntry[] {
  const { follow, stacked, canBack, cursors } = controller.view.getState();
  const plotId = hit.kind === 'plot' ? (hit.plotId.split('~')[0] ?? null) : null;
  const time = hit.kind === 'plot' || hit.kind === 'time-axis' || hit.kind === 'cursor' ? hit.time : null;
  const plot = edit.trend.plots.find((one) => one.id === plotId);
  const entries: MenuEntry[] = [
    { label: follow ? 'Pause' : 'Follow', keys: 'Space', run: () => controller.follow(!follow) },
    { label: 'Fit values', keys: 'F', run: () => controller.fit(null, null) },
    { label: 'Whole recording', run: () => controller.fitTime() },
    { label: 'Back to the view before', keys: 'Backspace', disabled: !canBack, run: () => controller.back() },
    'separator',
  ];
  if (time !== null) {
    entries.push(
      { label: 'Cursor A here', keys: 'A', run: () => controller.moveCursorTo('a', time) },
      { label: 'Cursor B here', keys: 'B', run: () => controller.moveCursorTo('b', time) },
    );
  }
  entries.push(
    {
      label: 'Remove cursors',
      keys: 'X',
      disabled: cursors.a === null && cursors.b === null,
      run: () => controller.clearCursors(),
    },
    'separator',
    { label: 'Note…', keys: 'I', disabled: !page.canNote, run: page.note },
    { label: 'Stack: one plot per trace', keys: 'S', checked: stacked, run: () => controller.setStacked(!stacked) },
    { label: 'Add a plot', run: page.addPlot },
  );
  if (plot !== undefined) {
    entries.push(
      { label: 'Add an axis', run: () => edit.change((before) => addAxis(before, plot.id, '').trend) },
      { label: 'Remove this plot', danger: true, run: () => edit.change((before) => removePlot(before, plot.id)) },
    );
  }
  entries.push(
    'separator',
    { label: 'Copy the picture', keys: 'Ctrl+C', run: page.copyPicture },
    { label: 'Copy the visible data', keys: 'Ctrl+Shift+C', run: page.copyData },
    { label: 'Export…', keys: 'Ctrl+E', run: page.exportData },
    { label: 'Fetch this range to a local recording…', disabled: !page.canFetch, run: page.fetchRange },
    { label: 'Send to a source…', run: page.sendRange },
  );
  return entries;
}

export function axisMenu(
  controller: TrendController,
  hit: Extract<PlotHit, { kind: 'axis' }>,
  edit: MenuEdit,
): readonly MenuEntry[] {
  const plotId = hit.plotId.split('~')[0] ?? hit.plotId;
  const plot = edit.trend.plots.find((one) => one.id === plotId);
  const shown = controller.stack.axisRange(hit.plotId, hit.axisId);
  const ranges = plot?.traces
    .filter((trace) => trace.axisId === hit.axisId)
    .flatMap((trace) => edit.tags.get(trace.tagId)?.range ?? []);
  const tagRange =
    ranges === undefined || ranges.length === 0
      ? null
      : { low: Math.min(...ranges.map((range) => range.low)), high: Math.max(...ranges.map((range) => range.high)) };
  const fix = (range: { readonly low: number; readonly high: number }): void => {
    controller.resetAxis(hit.plotId, hit.axisId);
    edit.change((before) => changeAxis(before, plotId, hit.axisId, { low: range.low, high: range.high }));
  };
  return [
    { label: 'Fit this axis', keys: 'Double-click', run: () => controller.fit(hit.plotId, hit.axisId) },
    {
      label: 'Range of the tags',
      disabled: tagRange === null || tagRange.high <= tagRange.low,
      run: () => {
        if (tagRange !== null) fix(tagRange);
      },
    },
    {
      label: 'Keep the range that is shown',
      disabled: shown === null,
      run: () => {
        if (shown !== null) fix(shown);
      },
    },
    { label: 'Label and range…', run: () => edit.setOpen({ kind: 'axis', plotId, axisId: hit.axisId }) },
    'separator',
    { label: 'Add an axis', run: () => edit.change((before) => addAxis(before, plotId, '').trend) },
    {
      label: 'Remove this axis',
      danger: true,
      disabled: (plot?.axes.length ?? 0) < 2,
      run: () => edit.change((before) => removeAxis(before, plotId, hit.axisId)),
    },
  ];
}

export function traceMenu(
  ref: TraceRef,
  edit: MenuEdit,
  actions: { remove(ref: TraceRef): void; solo(ref: TraceRef): void; toggle(ref: TraceRef): void },
): readonly MenuEntry[] {
  const tag = edit.tags.get(ref.tagId);
  const plot = edit.trend.plots.find((one) => one.id === ref.plotId);
  const trace = plot?.traces.find((one) => one.tagId === ref.tagId);
  const move = (plotId: string | null, axisId: string | 'own' | null): void => {
    if (tag !== undefined) edit.change((before) => moveTrace(before, ref, tag, { plotId, axisId, beforeTagId: null }));
  };
  const entries: MenuEntry[] = [
    { label: 'Shown', checked: trace?.visible === true, run: () => actions.toggle(ref) },
    { label: 'Only this one', keys: 'Enter', run: () => actions.solo(ref) },
    'separator',
    { label: 'To a new plot', disabled: tag === undefined, run: () => move(null, null) },
  ];
  edit.trend.plots.forEach((other, index) => {
    if (other.id !== ref.plotId)
      entries.push({ label: `To plot ${index + 1}`, disabled: tag === undefined, run: () => move(other.id, null) });
  });
  entries.push({ label: 'Axis of its own', disabled: tag === undefined, run: () => move(ref.plotId, 'own') });
  for (const axis of plot?.axes ?? []) {
    if (axis.id === trace?.axisId) continue;
    const index = (plot?.axes.indexOf(axis) ?? 0) + 1;
    entries.push({
      label: `To axis ${index}${axis.label === '' ? '' : ` (${axis.label})`}`,
      disabled: tag === undefined,
      run: () => move(ref.plotId, axis.id),
    });
  }
  if (trace !== undefined) {
    entries.push({ label: 'Source and time shift…', run: () => edit.setOpen({ kind: 'trace', ref }) });
    entries.push({
      label: 'Label and range of its axis…',
      run: () => edit.setOpen({ kind: 'axis', plotId: ref.plotId, axisId: trace.axisId }),
    });
  }
  entries.push(
    'separator',
    { label: 'Add a plot', run: () => edit.change((before) => addPlot(before).trend) },
    { label: 'Remove from the trend', keys: 'Delete', danger: true, run: () => actions.remove(ref) },
  );
  return entries;
}
