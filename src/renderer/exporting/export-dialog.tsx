import { type ReactNode, useMemo, useState } from 'react';
import { errorText, useClient, useStores } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  Check,
  Dialog,
  type FormValues,
  formatDuration,
  formatTime,
  readFields,
  SchemaForm,
  SelectField,
  settingsOf,
  TextField,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { exportName } from './export-job.ts';
import { ExportJobs } from './export-jobs.tsx';
import './exporting.css';

export interface ExportDialogProps {
  /** Of what the trend is looked at on; begins the file's name. */
  readonly sourceName: string;
  /** Traces that are shown, in their order, wherever they come from. */
  readonly traces: readonly {
    readonly source: string;
    readonly tag: string;
    readonly shiftMs: number;
    /** What tells it apart from traces of other sources; may be empty. */
    readonly label: string;
  }[];
  readonly visible: TimeRange;
  /** Between the cursors; null when they are not both set. */
  readonly between: TimeRange | null;
  readonly zone: string | null;
  readonly onClose: () => void;
}

/** Every sample of what is visible, or between the cursors, as a file. Options come from the exporter itself. */
export function ExportDialog({ sourceName, traces, visible, between, zone, onClose }: ExportDialogProps): ReactNode {
  const client = useClient();
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const exporters = catalogue?.exporters ?? [];
  const [format, setFormat] = useState('');
  const [what, setWhat] = useState<'between' | 'visible'>(between === null ? 'visible' : 'between');
  // The window moves on while the trend follows; what was asked for is what was visible at the click.
  const [asked] = useState({ visible, between });
  const range = what === 'between' && asked.between !== null ? asked.between : asked.visible;
  const [name, setName] = useState(() =>
    exportName(sourceName, formatTime(range.from, zone, 'second').replaceAll(':', '-')),
  );
  const [values, setValues] = useState<Readonly<Record<string, FormValues>>>({});
  const [errors, setErrors] = useState<ReadonlyMap<string, string>>(new Map());
  const [refusal, setRefusal] = useState<string | null>(null);
  const [quality, setQuality] = useState(false);
  const [busy, setBusy] = useState(false);
  const exporter = exporters.find((one) => one.id === format) ?? exporters[0];
  const fields = useMemo(() => (exporter === undefined ? [] : readFields(exporter.options)), [exporter]);
  const typed = exporter === undefined ? {} : (values[exporter.id] ?? initial(exporter.defaults, zone));
  // A trace may stand in several plots.
  const wanted = useMemo(
    () => [...new Map(traces.map((one) => [`${one.shiftMs} ${one.source}\n${one.tag}`, one])).values()],
    [traces],
  );
  const nameFault = name.trim() === '' ? 'A name is needed.' : undefined;

  const start = async (): Promise<void> => {
    if (exporter === undefined || wanted.length === 0 || busy || nameFault !== undefined) return;
    setBusy(true);
    setRefusal(null);
    setErrors(new Map());
    try {
      await client.rpc.exports.start({
        traces: wanted.map((one) => ({ ...one, label: one.label.slice(0, 300) })),
        range: { from: Math.floor(range.from), to: Math.ceil(range.to) },
        format: exporter.id,
        name: name.trim(),
        quality,
        options: settingsOf(fields, typed),
      });
    } catch (error) {
      if (isAppError(error, 'config.invalid')) {
        setErrors(new Map(error.details.issues.map((issue) => [issue.path.replace(/^options\./, ''), issue.message])));
      }
      setRefusal(errorText(error));
    } finally {
      setBusy(false);
    }
  };

  const lasts = `${formatTime(range.from, zone, 'millisecond')} to ${formatTime(range.to, zone, 'millisecond')}, ${formatDuration((range.to - range.from) / 1000)}`;
  return (
    <Dialog
      title="Export"
      width="40rem"
      onClose={onClose}
      onSubmit={() => void start()}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button
            look="primary"
            type="submit"
            disabled={exporter === undefined || wanted.length === 0 || busy || nameFault !== undefined}
          >
            Export {wanted.length === 1 ? '1 tag' : `${wanted.length} tags`}
          </Button>
        </>
      }
    >
      <div className="export-form">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        {wanted.length === 0 && (
          <Banner tone="info">No trace is shown. Add tags to the trend, or show some of its traces again.</Banner>
        )}
        <div className="export-columns">
          <SelectField
            label="Range"
            value={what}
            onChange={setWhat}
            choices={[
              { value: 'visible', label: 'What is visible' },
              ...(asked.between === null ? [] : [{ value: 'between' as const, label: 'Between cursors A and B' }]),
            ]}
          />
          <SelectField
            label="Format"
            value={exporter?.id ?? ''}
            onChange={setFormat}
            choices={exporters.map((one) => ({ value: one.id, label: one.title }))}
          />
          <TextField
            label="Name"
            value={name}
            onChange={setName}
            error={nameFault}
            maxLength={200}
            unit={exporter === undefined ? '' : `.${exporter.extension}`}
          />
        </div>
        <p className="export-range mono quiet">{lasts}</p>
        {wanted.some(({ label }) => label !== '') && (
          <p className="export-range quiet">
            Times are those at which the traces are shown. Traces of other sources and shifted ones have that in
            brackets behind their names.
          </p>
        )}
        {exporter !== undefined && (
          <SchemaForm
            schema={exporter.options}
            values={typed}
            onChange={(next) => setValues({ ...values, [exporter.id]: next })}
            errors={errors}
            suggest={client.suggest}
          />
        )}
        <Check label="A quality column beside each tag" checked={quality} onChange={setQuality} />
        <h3 className="export-heading">Exports</h3>
        <ExportJobs />
      </div>
    </Dialog>
  );
}

/** Times in files are in the project's zone unless another is chosen. */
function initial(defaults: FormValues, zone: string | null): FormValues {
  return zone !== null && 'timeZone' in defaults ? { ...defaults, timeZone: zone } : defaults;
}
