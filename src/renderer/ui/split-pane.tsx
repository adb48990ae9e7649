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
  if (second === null) return <div className="pane">{first}</div>;
  return (
    <Group
      className="split-group"
      data-direction={direction}
      orientation={direction}
      {...(layout === null ? {} : { defaultLayout: layout })}
      onLayoutChanged={(next, meta) => {
        if (meta.isUserInteraction) setLayout({ ...next });
      }}
    >
      <Panel id="first" className="pane" minSize={minFirst}>
        {first}
      </Panel>
      <Separator className="split-handle" aria-label="Size of the panes" />
      <Panel id="second" className="pane" defaultSize={secondSize} minSize={minSecond}>
        {second}
      </Panel>
    </Group>
  );
}
