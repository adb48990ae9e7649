import {
  ArrowLeft,
  ChevronDown,
  Columns3,
  Copy,
  Download,
  type LucideIcon,
  PanelLeft,
  Rows3,
  Save,
  Scan,
  Sigma,
  ZoomIn,
  ZoomOut,
} from 'lucide-react';
import type { ReactNode, RefObject } from 'react';
import { useClient, useSession } from '#renderer/client/index.ts';
import { belowElement, IconButton, type MenuEntry, type MenuPlace, MiddleText, Tip } from '#renderer/ui/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { LEGEND_COLUMNS } from './legend-table.tsx';
import { RangeControl } from './range-control.tsx';
import type { LegendColumn } from './readout.ts';
import type { TrendPageCommands } from './trend-commands.ts';
import type { TrendController } from './trend-controller.ts';
import { DEFAULT_TREND } from './trend-model.ts';
import type { TrendDraft } from './use-trend-draft.ts';

type OpenMenu = {
  readonly kind: 'menu';
  readonly at: MenuPlace;
  readonly entries: readonly MenuEntry[];
  readonly label: string;
};
type OpenName = { readonly kind: 'name'; readonly what: 'save-as' | 'rename' };

export function TrendToolbar(props: {
  readonly draft: TrendDraft;
  readonly trendId: string;
  readonly onTrend: (id: string) => void;
  readonly picker: boolean;
  readonly onPicker: () => void;
  readonly follow: boolean;
  readonly followIcon: LucideIcon;
  readonly stacked: boolean;
  readonly canBack: boolean;
  readonly statistics: boolean;
  readonly commands: TrendPageCommands;
  readonly columns: readonly LegendColumn[];
  readonly onColumns: (columns: readonly LegendColumn[]) => void;
  readonly controller: TrendController | null;
  readonly source: string;
  readonly sources: readonly { readonly id: string; readonly name: string }[];
  readonly onSource: (id: string) => void;
  readonly range: {
    readonly label: RefObject<HTMLSpanElement | null>;
    readonly open: boolean;
    readonly onOpen: (open: boolean) => void;
  };
  readonly zone: string | null;
  readonly setOpen: (open: OpenMenu | OpenName) => void;
}): ReactNode {
  const client = useClient();
  const { draft, controller, commands, setOpen } = props;
  const live = props.source === RUNNING_HISTORY;
  const FollowIcon = props.followIcon;
  const away = useSession((state) => state.phase !== 'open');

  const trendMenu = (at: MenuPlace): void => {
    const others = draft.names.some(({ id }) => id === DEFAULT_TREND)
      ? draft.names
      : [{ id: DEFAULT_TREND, name: 'Trend' }, ...draft.names];
    setOpen({
      kind: 'menu',
      at,
      label: 'Trends',
      entries: [
        ...others.map(
          ({ id, name }): MenuEntry => ({ label: name, checked: id === props.trendId, run: () => props.onTrend(id) }),
        ),
        'separator',
        { label: 'Save', keys: 'Ctrl+S', run: commands.save },
        { label: 'Save as…', run: () => setOpen({ kind: 'name', what: 'save-as' }) },
        { label: 'Rename…', run: () => setOpen({ kind: 'name', what: 'rename' }) },
        { label: 'Discard changes', disabled: !draft.dirty, run: draft.revert },
        {
          label: 'Delete this trend',
          danger: true,
          disabled: !draft.names.some(({ id }) => id === props.trendId),
          run: () => {
            draft
              .remove()
              .then(() => props.onTrend(DEFAULT_TREND))
              .catch((error: unknown) => client.fail(error, 'The trend was not deleted'));
          },
        },
      ],
    });
  };
  const columnsMenu = (at: MenuPlace): void =>
    setOpen({
      kind: 'menu',
      at,
      label: 'Columns',
      entries: LEGEND_COLUMNS.map((column) => ({
        label: column.title,
        checked: props.columns.includes(column.id),
        run: () =>
          props.onColumns(
            props.columns.includes(column.id)
              ? props.columns.filter((id) => id !== column.id)
              : [...props.columns, column.id],
          ),
      })),
    });
  const copyMenu = (at: MenuPlace): void =>
    setOpen({
      kind: 'menu',
      at,
      label: 'Copy',
      entries: [
        { label: 'Copy the picture', keys: 'Ctrl+C', run: commands.copyPicture },
        { label: 'Copy the visible data', keys: 'Ctrl+Shift+C', run: commands.copyData },
      ],
    });

  return (
    <div className="trend-bar" role="toolbar" aria-label="Trend">
      <IconButton icon={PanelLeft} label="Tag list" aria-pressed={props.picker} onClick={props.onPicker} />
      <button
        type="button"
        className="btn trend-name"
        data-look="plain"
        aria-haspopup="menu"
        aria-label={`Trend "${draft.trend.name}"${draft.dirty ? ', not saved' : ''}`}
        onClick={(event) => trendMenu(belowElement(event.currentTarget))}
      >
        <MiddleText text={draft.trend.name} />
        {draft.dirty && <span className="trend-dirty" title="Not saved in the project" />}
        <ChevronDown size={13} aria-hidden />
      </button>
      <IconButton icon={Save} label="Save the trend" keys="Ctrl+S" disabled={!draft.dirty} onClick={commands.save} />
      <span className="trend-bar-line" />
      {live && (
        <Tip
          text={
            props.follow
              ? away
                ? 'No new samples: the engine cannot be reached. The trend follows again when it answers.'
                : 'Pause: recording goes on'
              : 'Follow the newest samples'
          }
          keys="Space"
        >
          <button
            type="button"
            className="btn trend-follow"
            data-on={props.follow && !away ? '' : undefined}
            aria-pressed={props.follow}
            onClick={() => controller?.follow(!props.follow)}
          >
            <FollowIcon size={13} aria-hidden />
            {props.follow ? (away ? 'Waiting' : 'Following') : 'Paused'}
          </button>
        </Tip>
      )}
      <RangeControl
        label={props.range.label}
        zone={props.zone}
        now={() => client.now()}
        current={() => controller?.window ?? { from: 0, to: 1 }}
        canFollow={live}
        open={props.range.open}
        onOpen={props.range.onOpen}
        onRange={(range, follow) => controller?.showRange(range, follow)}
      />
      <IconButton icon={ZoomOut} label="Zoom out" keys="-" onClick={() => controller?.zoom(1.5)} />
      <IconButton icon={ZoomIn} label="Zoom in" keys="+" onClick={() => controller?.zoom(1 / 1.5)} />
      <IconButton
        icon={Scan}
        label="Fit values; again: the whole recording"
        keys="F"
        onClick={() => controller?.fit(null, null)}
      />
      <IconButton
        icon={ArrowLeft}
        label="Back to the view before"
        keys="Backspace"
        disabled={!props.canBack}
        onClick={() => controller?.back()}
      />
      <span className="trend-bar-line" />
      <Tip text="Cursor A" keys="A">
        <button
          type="button"
          className="btn"
          data-icon
          data-look="plain"
          aria-label="Cursor A"
          onClick={() => controller?.setCursor('a')}
        >
          A
        </button>
      </Tip>
      <Tip text="Cursor B" keys="B">
        <button
          type="button"
          className="btn"
          data-icon
          data-look="plain"
          aria-label="Cursor B"
          onClick={() => controller?.setCursor('b')}
        >
          B
        </button>
      </Tip>
      <IconButton
        icon={Rows3}
        label="Stack: one plot per trace"
        keys="S"
        aria-pressed={props.stacked}
        onClick={() => controller?.setStacked(!props.stacked)}
      />
      <IconButton
        icon={Sigma}
        label="Statistics"
        keys="M"
        aria-pressed={props.statistics}
        onClick={commands.toggleStatistics}
      />
      <IconButton
        icon={Columns3}
        label="Columns of the table"
        onClick={(event) => columnsMenu(belowElement(event.currentTarget))}
      />
      <span className="trend-bar-gap" />
      {props.sources.length > 1 && (
        <select
          className="select trend-source"
          aria-label="Source"
          value={props.source}
          onChange={(event) => props.onSource(event.target.value)}
        >
          {props.sources.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      <IconButton icon={Copy} label="Copy" onClick={(event) => copyMenu(belowElement(event.currentTarget))} />
      <IconButton icon={Download} label="Export what is visible" keys="Ctrl+E" onClick={commands.exportData} />
    </div>
  );
}
