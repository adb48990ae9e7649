export { type Action, actionStore, listenForActionKeys, registerActions, runAction, useActions } from './actions.ts';
export { ConflictDialog, type ShownDifference } from './conflict-dialog.tsx';
export {
  Banner,
  Button,
  Check,
  DemoMark,
  EmptyState,
  Field,
  IconButton,
  Keys,
  keyText,
  MiddleText,
  SearchField,
  SelectField,
  Skeleton,
  TextField,
  Tip,
  unitWidth,
} from './controls.tsx';
export { CopyButton } from './copy-button.tsx';
export { DataTable, type DataTableProps, type TableHandle } from './data-table.tsx';
export { Dialog } from './dialog.tsx';
export { type Difference, differencesOf, type Plain, sameData, withTheirs } from './differences.ts';
export {
  DraftForm,
  DraftHead,
  type Issues,
  issuesUnder,
  OutdatedBanner,
  useDraftSaving,
} from './draft-form.tsx';
export * from './format.ts';
export { JobMark } from './job-mark.tsx';
export {
  Mark,
  qualitySign,
  ShapeMark,
  type ShownState,
  StateMark,
  shownLinkState,
  stateMarks,
  type Tone,
} from './marks.tsx';
export { belowElement, Menu, type MenuEntry, type MenuItem, type MenuPlace } from './menu.tsx';
export { fileNamePart, offerFile } from './offer-file.ts';
export { openPalette, Palette, type PaletteExtra } from './palette.tsx';
export { type PreferenceStore, usePreference } from './preference.ts';
export { checkFields, enteredAt, type FormValues, readFields, settingsOf, withEntered } from './schema-fields.ts';
export { SchemaForm, type Suggestion } from './schema-form.tsx';
export { drawSparkline, tokenColour, watchCanvas } from './sparkline.ts';
export { SplitPane } from './split-pane.tsx';
export type { CellEditor, Column } from './table-model.ts';
export { countAddress, countUp, fromTsv, toTsv } from './table-text.ts';
export { SidePanel, Tabs } from './tabs.tsx';
export { TestSteps } from './test-steps.tsx';
export { TEXT_SIZES, type TextSize, type Theme, type ThemeChoice, UiProvider, useLook, useRem } from './theme.tsx';
export { Tree, type TreeHandle, type TreeLine } from './tree.tsx';
