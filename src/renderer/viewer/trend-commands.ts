import type { Action } from '#renderer/ui/index.ts';
import type { TrendController } from './trend-controller.ts';

/** What the page can do beyond the plots themselves. */
export interface TrendPageCommands {
  save(): void;
  undoChange(): void;
  readonly canUndoChange: boolean;
  addPlot(): void;
  addAxis(): void;
  findTags(): void;
  removeSelected(): void;
  readonly hasSelected: boolean;
  toggleSelected(): void;
  soloSelected(): void;
  axisOfSelected(): void;
  saveAs(): void;
  note(): void;
  /** Notes belong to the running history; an opened recording is only read. */
  readonly canNote: boolean;
  nextEvent(direction: 1 | -1): void;
  toggleStatistics(): void;
  copyPicture(): void;
  copyData(): void;
  exportData(): void;
  fetchRange(): void;
  /** Traces are drawn that another source has. */
  readonly canFetch: boolean;
  /** The other way round: what is recorded here, to a source. */
  sendRange(): void;
  openRange(): void;
}

const GROUP = 'Trend';
const PAN_SHARE = 0.1;
const ZOOM_STEP = 1.5;

/** One list for the palette, the sheet behind `?`, the keyboard and the context menu. */
export function trendActions(controller: TrendController | null, page: TrendPageCommands): readonly Action[] {
  if (controller === null) return [];
  const { view } = controller;
  const cursorActive = (): boolean => view.getState().cursorActive !== null;
  const noCursor = (): boolean => !cursorActive();
  const action = (
    id: string,
    title: string,
    keys: readonly string[],
    run: () => void,
    more: Partial<Action> = {},
  ): Action => ({
    id: `trend.${id}`,
    title,
    group: GROUP,
    keys,
    run,
    ...more,
  });
  const step = (direction: 1 | -1, how: 'sample' | 'coarse' | 'edge') => (): void =>
    controller.stepCursor(direction, how);
  return [
    action('follow', 'Pause or follow', ['Space'], () => controller.follow(!view.getState().follow), {
      words: 'live now stop',
    }),
    action('fit', 'Fit values; again: fit the whole recording', ['F'], () => controller.fit(null, null)),
    action('fit-time', 'Show the whole recording', [], () => controller.fitTime()),
    action('zoom-in', 'Zoom in', ['+', '='], () => controller.zoom(1 / ZOOM_STEP)),
    action('zoom-out', 'Zoom out', ['-'], () => controller.zoom(ZOOM_STEP)),
    // Always enabled: where there is nothing to go back to, Ctrl+Z must not undo something elsewhere in the project.
    action('back', 'Back to the view before', ['Backspace', 'Ctrl+Z'], () => controller.back(), { words: 'undo zoom' }),
    action('forward', 'Forward again', ['Shift+Backspace', 'Ctrl+Shift+Z', 'Ctrl+Y'], () => controller.forward()),
    action('pan-left', 'Move left', ['ArrowLeft'], () => controller.pan(-PAN_SHARE), { enabled: noCursor }),
    action('pan-right', 'Move right', ['ArrowRight'], () => controller.pan(PAN_SHARE), { enabled: noCursor }),
    action('page-left', 'Move left by half a window', ['Shift+ArrowLeft'], () => controller.pan(-0.5), {
      enabled: noCursor,
    }),
    action('page-right', 'Move right by half a window', ['Shift+ArrowRight'], () => controller.pan(0.5), {
      enabled: noCursor,
    }),
    action('home', 'To the start of the data', ['Home'], () => controller.goHome()),
    action('end', 'To the newest data', ['End'], () => controller.goEnd(), { words: 'now live' }),
    action('cursor-a', 'Set cursor A at the pointer, or take it up', ['A'], () => controller.setCursor('a')),
    action('cursor-b', 'Set cursor B at the pointer, or take it up', ['B'], () => controller.setCursor('b')),
    action('cursor-next', 'Cursor to the next sample', ['ArrowRight'], step(1, 'sample'), { enabled: cursorActive }),
    action('cursor-previous', 'Cursor to the previous sample', ['ArrowLeft'], step(-1, 'sample'), {
      enabled: cursorActive,
    }),
    action('cursor-coarse-next', 'Cursor 20 samples on', ['Shift+ArrowRight'], step(1, 'coarse'), {
      enabled: cursorActive,
    }),
    action('cursor-coarse-previous', 'Cursor 20 samples back', ['Shift+ArrowLeft'], step(-1, 'coarse'), {
      enabled: cursorActive,
    }),
    action('cursor-edge-next', 'Cursor to the next edge', ['Ctrl+ArrowRight'], step(1, 'edge'), {
      enabled: cursorActive,
    }),
    action('cursor-edge-previous', 'Cursor to the previous edge', ['Ctrl+ArrowLeft'], step(-1, 'edge'), {
      enabled: cursorActive,
    }),
    action('cursor-drop', 'Put the cursor down', ['Escape'], () => controller.activateCursor(null), {
      enabled: cursorActive,
    }),
    action('cursors-clear', 'Remove both cursors', ['X'], () => controller.clearCursors()),
    action('event-next', 'To the next event', ['E'], () => page.nextEvent(1), { words: 'note marker' }),
    action('event-previous', 'To the previous event', ['Shift+E'], () => page.nextEvent(-1)),
    action('note', 'Note at the cursors or the pointer', ['I'], page.note, {
      enabled: () => page.canNote,
      words: 'annotation comment',
    }),
    action('stack', 'Stack: one plot per trace', ['S'], () => controller.setStacked(!view.getState().stacked)),
    action('statistics', 'Statistics in the table', ['M'], page.toggleStatistics, { words: 'mean min max' }),
    action('find-tags', 'Find tags to add', ['T'], page.findTags, { words: 'search picker' }),
    action('add-plot', 'Add a plot', [], page.addPlot),
    action('add-axis', 'Add an axis to the selected trace’s plot', [], page.addAxis),
    action('remove-trace', 'Remove the selected trace', ['Delete'], page.removeSelected, {
      enabled: () => page.hasSelected,
    }),
    action('toggle-trace', 'Hide or show the selected trace', ['H'], page.toggleSelected, {
      enabled: () => page.hasSelected,
    }),
    action('solo-trace', 'Show only the selected trace; again: all', ['O'], page.soloSelected, {
      enabled: () => page.hasSelected,
    }),
    action('axis', 'Label and range of the selected trace’s axis', [], page.axisOfSelected, {
      enabled: () => page.hasSelected,
    }),
    action('undo-change', 'Undo the last change of the arrangement', ['Alt+Backspace'], page.undoChange, {
      enabled: () => page.canUndoChange,
    }),
    action('range', 'Choose a time range', ['R'], page.openRange, { words: 'absolute relative from to' }),
    action('copy-picture', 'Copy the picture', ['Ctrl+C'], page.copyPicture, {
      // What is selected as text is what Ctrl+C means.
      enabled: () => window.getSelection()?.isCollapsed !== false,
    }),
    action('copy-data', 'Copy the visible data as a table', ['Ctrl+Shift+C'], page.copyData, {
      words: 'tsv spreadsheet',
    }),
    action('export', 'Export what is visible', ['Ctrl+E'], page.exportData, { words: 'csv parquet save file' }),
    action('fetch', 'Fetch this range to a local recording', [], page.fetchRange, {
      enabled: () => page.canFetch,
      words: 'download copy offline plant source',
    }),
    action('send', 'Send this range to a source', [], page.sendRange, { words: 'upload copy database write backend' }),
    action('save', 'Save the trend', ['Ctrl+S'], page.save, { inFields: true }),
    action('save-as', 'Save the trend as', [], page.saveAs),
    action('wheel', 'Zoom at the pointer; over an axis that axis; with Ctrl the values', ['Wheel'], () => undefined, {
      sheetOnly: true,
    }),
    action('drag', 'Move in time; on an axis its values', ['Drag'], () => undefined, { sheetOnly: true }),
    action('rectangle', 'Zoom into a rectangle', ['Shift+Drag'], () => undefined, { sheetOnly: true }),
    action('double', 'Fit the plot or the axis', ['Double-click'], () => undefined, { sheetOnly: true }),
  ];
}
