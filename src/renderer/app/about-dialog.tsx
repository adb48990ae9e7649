import type { ReactNode } from 'react';
import { useStores } from '#renderer/client/index.ts';
import { Button, Dialog, NO_VALUE, readFields, Skeleton } from '#renderer/ui/index.ts';
import type { ExporterEntry, ProtocolEntry } from '#shared/rpc/catalogue.ts';

/** Version, and what the running engine can read and write: each protocol and format with its abilities and settings. */
export function AboutDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const health = useStores('health', (state) => state.health);
  return (
    <Dialog
      title="About ParX Workstation"
      width="44rem"
      onClose={onClose}
      reading
      footer={
        <Button look="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <div className="about">
        <dl className="facts">
          <dt>Version</dt>
          <dd className="mono selectable">{health?.version ?? NO_VALUE}</dd>
          <dt>Licence</dt>
          <dd>Apache-2.0</dd>
          <dt>Data folder</dt>
          <dd className="mono selectable">{health?.dataDirectory ?? NO_VALUE}</dd>
        </dl>
        {catalogue === null ? (
          <Skeleton rows={6} />
        ) : (
          <>
            <h3 className="section-title">Protocols</h3>
            {catalogue.protocols.map((entry) => (
              <Protocol key={entry.id} entry={entry} />
            ))}
            <h3 className="section-title">Export formats</h3>
            {catalogue.exporters.map((entry) => (
              <Exporter key={entry.id} entry={entry} />
            ))}
            <p className="quiet">
              The start option "--without" switches protocols and formats off by their ids; "--catalogue" lists all of
              them.
            </p>
          </>
        )}
      </div>
    </Dialog>
  );
}

function Protocol({ entry }: { readonly entry: ProtocolEntry }): ReactNode {
  const abilities = [
    entry.tells ? 'listens to what devices send' : 'asks devices',
    ...(entry.can.browse ? ['lists what a device has'] : []),
    ...(entry.can.scan ? ['looks for what can be read'] : []),
  ];
  return (
    <Plugin title={entry.title} id={entry.id} version={entry.version} summary={entry.summary}>
      <dl className="facts">
        <dt>Abilities</dt>
        <dd>{abilities.join(', ')}; writes nothing to the plant</dd>
        <dt>Types</dt>
        <dd className="mono">{entry.valueTypes.join(', ')}</dd>
        <dt>Connection</dt>
        <dd>{settingsText(entry.config)}</dd>
        <dt>Device</dt>
        <dd>{settingsText(entry.device)}</dd>
      </dl>
    </Plugin>
  );
}

function Exporter({ entry }: { readonly entry: ExporterEntry }): ReactNode {
  return (
    <Plugin title={entry.title} id={entry.id} version={null} summary={`Files *.${entry.extension}.`}>
      <dl className="facts">
        <dt>Options</dt>
        <dd>{settingsText(entry.options)}</dd>
      </dl>
    </Plugin>
  );
}

function Plugin({
  title,
  id,
  version,
  summary,
  children,
}: {
  readonly title: string;
  readonly id: string;
  readonly version: string | null;
  readonly summary: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <details className="schema-group">
      <summary>
        <strong>{title}</strong> <span className="mono quiet">{version === null ? id : `${id} ${version}`}</span>
        <span className="about-summary">{summary}</span>
      </summary>
      {children}
    </details>
  );
}

function settingsText(schema: Readonly<Record<string, unknown>>): string {
  const fields = readFields(schema).map(({ title, unit }) => (unit === undefined ? title : `${title} (${unit})`));
  return fields.length === 0 ? 'none' : fields.join(', ');
}
