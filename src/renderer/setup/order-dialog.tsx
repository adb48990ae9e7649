import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { errorText, useClient, useProject, useStores } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  Check,
  Dialog,
  formatNumber,
  groupDigits,
  Mark,
  NO_VALUE,
  plural,
  Skeleton,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type DecodeRecipe, type DocumentChange, nameOf, type TagDocument, wireBytes } from '#shared/model/index.ts';
import type { ResolutionItem, ResolveCandidate, ResolvePlace } from '#shared/rpc/looking.ts';
import { hexText } from './hex-grid.tsx';
import { tagChange } from './tag-edits.ts';
import './looking.css';

type Shift = ResolvePlace['shift'];

const shiftNames: Readonly<Record<Shift, string>> = { [-1]: 'One before', 0: 'As set', 1: 'One behind' };
/** Values that the small picture of a reading holds. */
const KEPT = 60;
/** Looks after which a ranking can be trusted, if something has moved. */
const ENOUGH_LOOKS = 8;

const keyOf = (shift: Shift, one: Pick<ResolveCandidate, 'type' | 'order'>): string =>
  `${shift} ${one.type} ${one.order}`;
const same = (a: Pick<ResolveCandidate, 'type' | 'order'>, b: Pick<ResolveCandidate, 'type' | 'order'>): boolean =>
  a.type === b.type && a.order === b.order;

/** All ways to read a tag's place side by side on live bytes, the most plausible first; one click sets it. */
export function OrderDialog({ tag, onClose }: { readonly tag: TagDocument; readonly onClose: () => void }): ReactNode {
  const client = useClient();
  const device = useProject((state) => state.device.get(tag.deviceId)?.document);
  const [item, setItem] = useState<ResolutionItem | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [shift, setShift] = useState<Shift>(0);
  const [picked, setPicked] = useState<{
    readonly type: TagDocument['type'];
    readonly order: DecodeRecipe['order'];
  } | null>(null);
  const [busy, setBusy] = useState(false);
  const [alsoFiles, setAlsoFiles] = useState(false);
  const files = useStores('files', (state) => state.files.length);
  const history = useRef(new Map<string, number[]>());
  const { address, type, order, scaling, range, deviceId, periodMs } = tag;
  const asked = useMemo(
    () => ({ deviceId, periodMs, tag: { address, type, order, scaling, range } }),
    [deviceId, periodMs, address, type, order, scaling, range],
  );

  useEffect(() => {
    const abort = new AbortController();
    history.current.clear();
    setItem(null);
    setRefusal(null);
    const run = async (): Promise<void> => {
      for await (const next of client.rpc.looking.resolve(asked, { signal: abort.signal })) {
        for (const place of next.problem === null ? next.places : []) {
          for (const one of place.candidates) {
            const key = keyOf(place.shift, one);
            const list = history.current.get(key) ?? [];
            list.push(one.value ?? Number.NaN);
            if (list.length > KEPT) list.shift();
            history.current.set(key, list);
          }
        }
        setItem(next);
      }
    };
    run().catch((error: unknown) => {
      if (!abort.signal.aborted && !isAppError(error, 'rpc.cancelled')) setRefusal(errorText(error));
    });
    return () => abort.abort();
  }, [client, asked]);

  const place = item?.places.find((one) => one.shift === shift);
  const now = item?.places.find((one) => one.shift === 0)?.candidates.find((one) => one.current);
  const chosen =
    place?.candidates.find((one) => picked !== null && same(one, picked)) ??
    (shift === 0
      ? place?.candidates[0]
      : ((now && place?.candidates.find((one) => same(one, now))) ?? place?.candidates[0]));
  const already = shift === 0 && chosen?.current === true;

  const apply = async (): Promise<void> => {
    if (chosen === undefined || busy) return;
    setBusy(true);
    try {
      const project = client.stores.project.getState();
      const document = project.tag.get(tag.id)?.document ?? tag;
      await client.edits.commit({
        label: `Tag "${tag.name}" reads ${chosen.address} as ${nameOf(chosen)}`,
        changes: [tagChange(project, { ...document, address: chosen.address, type: chosen.type, order: chosen.order })],
      });
      if (alsoFiles && shift === 0) await reread();
      onClose();
    } catch (error) {
      setRefusal(errorText(error));
      setBusy(false);
    }
  };
  const reread = async (): Promise<void> => {
    let changed: readonly string[] = [];
    let refused: readonly string[] = [];
    for await (const step of client.rpc.looking.reread({ tagId: tag.id })) ({ changed, refused } = step);
    client.notify({
      kind: refused.length === 0 ? 'info' : 'error',
      text: [`${plural(changed.length, 'recording')} read "${tag.name}" the new way.`, ...refused.slice(0, 5)].join(
        ' ',
      ),
    });
  };
  const moveAll = async (by: -1 | 1): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      const { tags, stay, settings } = await client.rpc.looking.moved({ deviceId, shift: by });
      const project = client.stores.project.getState();
      const changes = tags.flatMap((moved): DocumentChange[] => {
        const document = project.tag.get(moved.id)?.document;
        return document === undefined ? [] : [tagChange(project, { ...document, address: moved.address })];
      });
      const owner = project.device.get(deviceId);
      if (settings !== null && owner !== undefined) {
        const document = { ...owner.document, settings: { ...owner.document.settings, ...settings } };
        changes.push({ kind: 'device', id: deviceId, document, expected: owner.revision });
      }
      await client.edits.commit(
        { label: `Addresses of ${plural(tags.length, 'tag')} of "${device?.name ?? ''}" moved by ${by}`, changes },
        true,
      );
      if (stay.length > 0) {
        client.notify({
          kind: 'info',
          text: `${plural(stay.length, 'tag')} at the end of the addresses stayed as they are: ${stay.slice(0, 5).join(', ')}.`,
        });
      }
      onClose();
    } catch (error) {
      setRefusal(errorText(error));
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={`Type and order of "${tag.name}"`}
      width="68rem"
      onClose={onClose}
      onSubmit={() => void apply()}
      footer={
        <>
          <span className="quiet">
            {chosen === undefined || place === undefined ? '' : recordedText(now, chosen, shift)}
          </span>
          <span className="toolbar-gap" />
          {shift === 0 && files > 0 && !already && (
            <Check
              label={`Also in the ${plural(files, 'recording')} of the folder`}
              checked={alsoFiles}
              onChange={setAlsoFiles}
            />
          )}
          {shift !== 0 && (
            <Button
              disabled={busy}
              title="The device's setting of where addresses count from goes with them, where it has one."
              onClick={() => void moveAll(shift)}
            >
              {`Move all tags of the device by ${shift === 1 ? '+1' : '\u22121'}`}
            </Button>
          )}
          <Button onClick={onClose}>Close</Button>
          <Button look="primary" type="submit" disabled={chosen === undefined || busy || already}>
            {chosen === undefined
              ? 'Apply'
              : already
                ? 'Set so already'
                : `Apply ${shift === 0 ? '' : `${chosen.address}, `}${nameOf(chosen)}`}
          </Button>
        </>
      }
    >
      <div className="order-dialog">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        {item?.problem != null && <Banner tone="warn">{item.problem}</Banner>}
        <p aria-live="polite" className="order-state">
          {item === null ? (refusal === null ? 'Asking the device.' : '') : stateText(item)}
        </p>
        {item === null && refusal === null && <Skeleton rows={8} />}
        {item !== null && item.places.length > 0 && (
          <fieldset className="order-places">
            <legend className="visually-hidden">Address</legend>
            {item.places.map((one) => {
              const value = now === undefined ? undefined : one.candidates.find((candidate) => same(candidate, now));
              return (
                <button
                  key={one.shift}
                  type="button"
                  className="order-place"
                  aria-pressed={one.shift === shift}
                  onClick={() => {
                    setShift(one.shift);
                    setPicked(null);
                  }}
                >
                  <span className="quiet">{shiftNames[one.shift]}</span>
                  <strong className="mono">{one.address}</strong>
                  <span className="mono">{value === undefined ? NO_VALUE : valueText(value)}</span>
                  <span className="mono quiet order-hex">{hexText(one.bytes)}</span>
                </button>
              );
            })}
          </fieldset>
        )}
        {place !== undefined && (
          <div className="order-table">
            <table className="plain" aria-label={`Ways to read ${place.address}`}>
              <thead>
                <tr>
                  <th className="num">Rank</th>
                  <th>Type</th>
                  <th className="num">Value, unscaled</th>
                  <th>Course</th>
                  <th className="num">Least</th>
                  <th className="num">Most</th>
                  <th>Plausible</th>
                  <th>Why</th>
                </tr>
              </thead>
              <tbody>
                {place.candidates.map((one, index) => (
                  <tr
                    key={keyOf(shift, one)}
                    data-picked={chosen !== undefined && same(one, chosen) ? '' : undefined}
                    onClick={() => setPicked({ type: one.type, order: one.order })}
                  >
                    <td className="num quiet">{index + 1}</td>
                    <td>
                      <label className="order-choice">
                        <input
                          type="radio"
                          name="reading"
                          checked={chosen !== undefined && same(one, chosen)}
                          onChange={() => setPicked({ type: one.type, order: one.order })}
                        />
                        <span className="mono">{nameOf(one)}</span>
                        {one.current && <span className="quiet">now</span>}
                      </label>
                    </td>
                    <td className="num mono" title={valueText(one)}>
                      {valueText(one)}
                    </td>
                    <td>
                      <Course values={history.current.get(keyOf(shift, one)) ?? []} />
                    </td>
                    <td className="num mono quiet">{formatNumber(one.min)}</td>
                    <td className="num mono quiet">{formatNumber(one.max)}</td>
                    <td>
                      <span className="order-score" role="img" aria-label={`${Math.round(one.score * 100)} of 100`}>
                        <span style={{ width: `${one.score * 100}%` }} />
                      </span>
                    </td>
                    <td className="order-why" title={one.reasons.join('; ')}>
                      {one.reasons.join('; ')}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </Dialog>
  );
}

function stateText(item: ResolutionItem): ReactNode {
  const looks = plural(item.looks, 'look');
  if (item.looks === 0) return 'Nothing was read yet.';
  if (!item.moved) {
    return (
      <Mark tone="info" shape="dashed">
        {`${looks}, and no byte has changed yet. Let the value move: what changes tells more than what stands still.`}
      </Mark>
    );
  }
  return item.looks < ENOUGH_LOOKS ? (
    <Mark tone="info" shape="dashed">{`${looks}. The ranking gets surer with each.`}</Mark>
  ) : (
    <Mark
      tone="ok"
      shape="disc"
    >{`${looks}. The ranking can be trusted where the first is well before the second.`}</Mark>
  );
}

/** What the change means for what is recorded: samples are stored as the device gave them, and read by the newest way. */
function recordedText(now: ResolveCandidate | undefined, chosen: ResolveCandidate, shift: Shift): string {
  if (shift !== 0) return 'What is recorded came from the address before, and stays as it is.';
  if (now === undefined) return '';
  const sizeOf = (one: ResolveCandidate): number => one.length ?? wireBytes(one.type);
  return sizeOf(now) === sizeOf(chosen) && (now.type === 'string') === (chosen.type === 'string')
    ? 'What the history holds already is read the new way too; nothing is rewritten.'
    : 'Recorded so far with another number of bytes: the new way counts from now on.';
}

function valueText(one: ResolveCandidate): string {
  if (one.type === 'string')
    return one.text === null || one.text === '' ? NO_VALUE : `"${one.text.replace(/\p{C}/gu, '·')}"`;
  return one.text === null ? formatNumber(one.value) : groupDigits(one.text);
}

const WIDTH = 72;
const HEIGHT = 16;

/** The last values as a line; gaps where a reading gave no number. */
function Course({ values }: { readonly values: readonly number[] }): ReactNode {
  const finite = values.filter(Number.isFinite);
  const low = Math.min(...finite);
  const span = Math.max(...finite) - low;
  let path = '';
  let pen = 'M';
  values.forEach((value, index) => {
    if (!Number.isFinite(value)) {
      pen = 'M';
      return;
    }
    const x = (index / Math.max(1, values.length - 1)) * WIDTH;
    const share = span > 0 ? (value - low) / span : 0.5;
    path += `${pen}${x.toFixed(1)} ${(HEIGHT - 2 - share * (HEIGHT - 4)).toFixed(1)}`;
    pen = 'L';
  });
  return (
    <svg className="order-course" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden>
      <path d={path} />
    </svg>
  );
}
