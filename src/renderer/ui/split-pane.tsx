import type { ReactNode } from 'react';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { usePreference } from './preference.ts';

/** Two panes with a line between them that can be dragged; the sizes are remembered under `name`. */
export function SplitPane({
  name,
  direction = 'horizontal',
  first,
  second,
  secondSize,
  minFirst = '20rem',
  minSecond = '14rem',
}: {
  readonly name: string;
  readonly direction?: 'horizontal' | 'vertical';
  readonly first: ReactNode;
  /** Null leaves the whole room to the first. */
  readonly second: ReactNode | null;
  /** Size of the second pane to begin with, in CSS units. */
  readonly secondSize: string;
  readonly minFirst?: string;
  readonly minSecond?: string;
}): ReactNode {
  const [layout, setLayout] = usePreference<Record<string, number> | null>(`panes.${name}`, null);
  // The first pane stays the same element when the second comes and goes, so that its focus and scroll stay.
  return (
    <Group
      className="split-group"
      data-direction={direction}
      orientation={direction}
      {...(layout === null || second === null ? {} : { defaultLayout: layout })}
      onLayoutChanged={(next, meta) => {
        if (meta.isUserInteraction) setLayout({ ...next });
      }}
    >
      <Panel id="first" className="pane" minSize={minFirst}>
        {first}
      </Panel>
      {second !== null && <Separator className="split-handle" aria-label="Size of the panes" />}
      {second !== null && (
        <Panel
          id="second"
          className="pane"
          defaultSize={layout?.second === undefined ? secondSize : `${layout.second}%`}
          minSize={minSecond}
        >
          {second}
        </Panel>
      )}
    </Group>
  );
}
