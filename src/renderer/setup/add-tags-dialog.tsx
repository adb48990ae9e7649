import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { type AddTagsRequest, errorText, useClient, useProject, useStores } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  Dialog,
  formatPeriod,
  Mark,
  parsePeriod,
  plural,
  SelectField,
  TextField,
} from '#renderer/ui/index.ts';
import type { TagDocument } from '#shared/model/index.ts';
import type { AddressCheck } from '#shared/rpc/contract.ts';
import { addressStep, checkPeriod, fillDown, newTag, ORDERS, TYPES, tagChange, textOrNull } from './tag-edits.ts';

const MAX_COUNT = 2000;
const CHECK_MS = 250;
const MAX_PREVIEW = 200;

interface Checked {
  /** Addresses as asked, to tell old answers from new ones. */
  readonly key: string;
  readonly results: readonly AddressCheck[];
}

/** One tag, or a series of them whose names and addresses count up; the list shows what will be made. */
export function AddTagsDialog({
  deviceId,
  start = null,
  onClose,
  onAdded,
}: {
  readonly deviceId: string | null;
  /** What another page knows of the first tag. */
  readonly start?: AddTagsRequest['start'];
  readonly onClose: () => void;
  readonly onAdded: (ids: readonly string[]) => void;
}): ReactNode {
  const client = useClient();
  const project = useProject((state) => state);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const devices = useMemo(
    () =>
      [...project.device.values()].map(({ document }) => ({
        device: document,
        connection: project.connection.get(document.connectionId)?.document,
      })),
    [project.device, project.connection],
  );
  const [device, setDevice] = useState(() =>
    deviceId !== null && project.device.has(deviceId) ? deviceId : (devices[0]?.device.id ?? ''),
  );
  const [name, setName] = useState(start?.address ?? '');
  const [address, setAddress] = useState(start?.address ?? '');
  const [type, setType] = useState<TagDocument['type']>(start?.type ?? 'float32');
  const [order, setOrder] = useState<TagDocument['order']>(null);
  const [period, setPeriod] = useState('500 ms');
  const [unit, setUnit] = useState('');
  const [count, setCount] = useState(String(start?.count ?? 1));
  const [nameStep, setNameStep] = useState('1');
  const [step, setStep] = useState<string | null>(null);
  const [checked, setChecked] = useState<Checked>({ key: '', results: [] });
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);

  const entry = devices.find((candidate) => candidate.device.id === device);
  const protocol = catalogue?.protocols.find((candidate) => candidate.id === entry?.connection?.protocol);
  const [firstCheck] = checked.results;
  // An address that names its type (`HR100:f32`) decides it.
  const shownType = firstCheck?.ok === true && firstCheck.type !== null ? firstCheck.type : type;
  const total = Math.min(MAX_COUNT, Math.max(1, Math.floor(Number(count)) || 1));
  const countError =
    /^\d+$/.test(count.trim()) && Number(count) >= 1 && Number(count) <= MAX_COUNT
      ? undefined
      : `From 1 to ${MAX_COUNT}.`;
  const addressBytes = protocol?.addressBytes ?? null;
  const stepText = step ?? String(addressStep(shownType, addressBytes, firstCheck?.bytes ?? null));
  const stepError = /^-?\d+$/.test(stepText.trim()) ? undefined : 'A whole number is needed.';
  const periodError = checkPeriod(period) ?? undefined;

  const rows = useMemo(() => {
    const first: TagDocument = {
      ...newTag(device),
      name: name.trim(),
      address: address.trim(),
      type: shownType,
      order,
      unit: textOrNull(unit),
      periodMs: parsePeriod(period) ?? 500,
    };
    const steps = { name: Math.floor(Number(nameStep)) || 1, address: Number(stepText) || 0 };
    return fillDown(first, total, steps, addressBytes);
  }, [device, name, address, shownType, order, unit, period, total, nameStep, stepText, addressBytes]);

  const key = `${device}\n${rows.map((row) => row.address).join('\n')}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the device and all addresses
  useEffect(() => {
    if (address.trim() === '' || device === '') {
      setChecked({ key: '', results: [] });
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      client.rpc.tags
        .checkAddresses({ deviceId: device, texts: rows.map((row) => row.address) }, { signal: abort.signal })
        .then(({ results }) => setChecked({ key, results }))
        .catch((error: unknown) => {
          if (!abort.signal.aborted) setRefusal(errorText(error));
        });
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, client]);

  const existing = useMemo(
    () => new Set([...project.tag.values()].map((stored) => stored.document.name)),
    [project.tag],
  );
  const problems = useMemo(() => {
    const seen = new Set<string>();
    return rows.map((row, index) => {
      const check = checked.key === key ? checked.results[index] : undefined;
      const twice = existing.has(row.name) || seen.has(row.name);
      seen.add(row.name);
      if (row.name === '') return 'A name is needed.';
      if (twice) return `There is a tag "${row.name}" already.`;
      if (row.address === '') return 'An address is needed.';
      if (check !== undefined && !check.ok) return check.message ?? 'This is not an address.';
      return null;
    });
  }, [rows, checked, key, existing]);
  const typed = name.trim() !== '' || address.trim() !== '';
  const bad = problems.filter((problem) => problem !== null).length;
  const settled = checked.key === key;
  const ready =
    bad === 0 && settled && countError === undefined && stepError === undefined && periodError === undefined && !busy;

  const add = async (): Promise<void> => {
    if (!ready) return;
    setBusy(true);
    setRefusal(null);
    try {
      const tags = rows.map((row, index) => ({ ...row, address: checked.results[index]?.canonical ?? row.address }));
      await client.edits.commit(
        {
          label: tags.length === 1 ? `Tag "${tags[0]?.name ?? ''}" added` : `${plural(tags.length, 'tag')} added`,
          changes: tags.map((tag) => tagChange(project, tag)),
        },
        tags.length > 1,
      );
      onAdded(tags.map((tag) => tag.id));
    } catch (error) {
      setRefusal(errorText(error));
      setBusy(false);
    }
  };

  const nameError =
    typed && name.trim() === ''
      ? 'A name is needed.'
      : total === 1 && name.trim() !== '' && existing.has(name.trim())
        ? 'Another tag has this name.'
        : undefined;
  const addressError =
    settled && firstCheck !== undefined && !firstCheck.ok ? (firstCheck.message ?? undefined) : undefined;
  return (
    <Dialog
      title="Add tags"
      width="62rem"
      onClose={onClose}
      onSubmit={() => void add()}
      footer={
        <>
          {bad > 0 && typed && total > 1 && (
            <Mark tone="error" shape="cross">
              {plural(bad, 'row')} to correct
            </Mark>
          )}
          <span className="toolbar-gap" />
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={!ready}>
            {total === 1 ? 'Add the tag' : `Add ${plural(total, 'tag')}`}
          </Button>
        </>
      }
    >
      <div className="add-tags">
        <div className="form-stack">
          {refusal !== null && <Banner tone="error">{refusal}</Banner>}
          <SelectField
            label="Device"
            value={device}
            onChange={setDevice}
            choices={devices.map((candidate) => ({
              value: candidate.device.id,
              label: `${candidate.connection?.name ?? ''} / ${candidate.device.name}`,
            }))}
          />
          <TextField
            label={total > 1 ? 'First name' : 'Name'}
            value={name}
            onChange={setName}
            data-autofocus
            error={nameError}
            maxLength={200}
          />
          <TextField
            label={total > 1 ? 'First address' : 'Address'}
            mono
            value={address}
            onChange={setAddress}
            error={addressError}
            placeholder={protocol === undefined ? '' : `such as ${protocol.sample.address}`}
            help={settled && firstCheck?.ok === true ? firstCheck.wire : undefined}
          />
          <div className="pair">
            <SelectField
              label="Type"
              value={shownType}
              disabled={firstCheck?.ok === true && firstCheck.type !== null}
              onChange={setType}
              choices={(protocol?.valueTypes ?? TYPES).map((value) => ({ value, label: value }))}
            />
            <SelectField
              label="Word order"
              value={order ?? ''}
              onChange={(value) => setOrder(value === '' ? null : value)}
              choices={[
                { value: '' as const, label: 'As the device' },
                ...ORDERS.map((value) => ({ value, label: value })),
              ]}
            />
          </div>
          <div className="pair">
            <TextField label="Period" mono value={period} onChange={setPeriod} error={periodError} />
            <TextField label="Unit" optional value={unit} onChange={setUnit} maxLength={40} />
          </div>
          <div className="triple">
            <TextField label="How many" mono value={count} onChange={setCount} error={countError} inputMode="numeric" />
            <TextField
              label="Name step"
              mono
              value={nameStep}
              onChange={setNameStep}
              disabled={total === 1}
              inputMode="numeric"
            />
            <TextField
              label="Address step"
              mono
              value={stepText}
              onChange={setStep}
              disabled={total === 1}
              error={stepError}
              inputMode="numeric"
            />
          </div>
          {protocol !== undefined && (
            <details className="address-help">
              <summary className="section-title">Ways to write an address</summary>
              <dl className="facts">
                {protocol.addressHelp.map((help) => (
                  <div key={help.text} className="address-help-line">
                    <dt className="mono selectable">{help.text}</dt>
                    <dd>{help.means}</dd>
                  </div>
                ))}
              </dl>
            </details>
          )}
        </div>
        <section className="add-preview" aria-label="What will be added">
          <table className="plain">
            <thead>
              <tr>
                <th>Name</th>
                <th>Address</th>
                <th>On the wire</th>
                <th>Type</th>
                <th className="num">Period</th>
              </tr>
            </thead>
            <tbody>
              {typed &&
                rows.slice(0, MAX_PREVIEW).map((row, index) => {
                  const check = settled ? checked.results[index] : undefined;
                  const problem = problems[index] ?? null;
                  return (
                    <tr key={row.id} data-bad={problem === null ? undefined : ''}>
                      <td>{row.name}</td>
                      <td className="mono">{check?.ok === true ? check.canonical : row.address}</td>
                      <td className={problem === null ? 'quiet' : 'field-error'} title={problem ?? check?.wire}>
                        {problem ?? check?.wire ?? ''}
                      </td>
                      <td className="mono">{row.type}</td>
                      <td className="num">{formatPeriod(row.periodMs)}</td>
                    </tr>
                  );
                })}
            </tbody>
          </table>
          {!typed && (
            <p className="list-note quiet">
              What will be added is listed here. More than one: names and addresses count up.
            </p>
          )}
          {rows.length > MAX_PREVIEW && <p className="list-note quiet">and {rows.length - MAX_PREVIEW} more</p>}
        </section>
      </div>
    </Dialog>
  );
}
