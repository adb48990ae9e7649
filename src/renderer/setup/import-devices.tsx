import type { ReactNode } from 'react';
import { useProject } from '#renderer/client/index.ts';
import { Mark, SelectField } from '#renderer/ui/index.ts';
import type { ImportPreview } from '#shared/rpc/importing.ts';

const NEW = 'new';

/** The devices that a list names itself: one of the project for each, or a new one with the settings of the list. */
export function ImportDevices({
  preview,
  onAssign,
}: {
  readonly preview: ImportPreview;
  /** Null makes a new one. */
  readonly onAssign: (key: string, deviceId: string | null) => void;
}): ReactNode {
  const devices = useProject((state) => state.device);
  const connections = useProject((state) => state.connection);
  const existing = [...devices.values()].map(({ document }) => ({
    value: document.id,
    label: `${connections.get(document.connectionId)?.document.name ?? ''} / ${document.name}`,
  }));
  return (
    <section className="import-devices" aria-label="Devices in the list">
      {preview.devices.map((device) => {
        const make = device.problem === null ? `New: ${device.connection} / ${device.name}` : 'None';
        return (
          <div key={device.key} className="import-device">
            <SelectField
              label={`Device "${device.name}" of the list`}
              value={device.deviceId ?? NEW}
              onChange={(value) => onAssign(device.key, value === NEW ? null : value)}
              choices={[{ value: NEW, label: make }, ...existing]}
            />
            {device.problem !== null && (
              <Mark tone="warn" shape="triangle">
                {device.problem}
              </Mark>
            )}
          </div>
        );
      })}
    </section>
  );
}
