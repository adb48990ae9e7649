import { Download, FileUp, ListPlus, Plus } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { errorText, freeName, newId, useClient, useProject, useStores } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  countUp,
  fileNamePart,
  formatNumber,
  groupDigits,
  IconButton,
  MiddleText,
  NO_VALUE,
  offerFile,
  parsePeriod,
  plural,
  Skeleton,
  TextField,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type ConnectionDocument, createRanking, ordersOf, type RawReading } from '#shared/model/index.ts';
import type { BrowseEntry } from '#shared/rpc/browsing.ts';
import { ByteChanges, type ByteReading, readBytes, readingsOf } from './byte-readings.ts';
import { devicesOf } from './document-edits.ts';
import { HexGrid, hexText, type MappedPlace } from './hex-grid.tsx';
import { ImportDialog } from './import-dialog.tsx';
import { checkName, checkPeriod, newTag, tagChange, textOrNull } from './tag-edits.ts';

/** How often readings change their places by what is plausible; more often and nobody could point at one. */
const RANK_MS = 1_000;
const MOST_BYTES = 65_536;
/** Of the selected bytes those that are written out above the readings. */
const MOST_SHOWN = 8;
/** Losses of the link in a row that are told; fewer mend themselves. */
const PATIENCE = 2;

/** The bytes of a node as they change: choose a place and a way to read it, name it, and it is a tag. */
export function ByteMap({
  connection,
  entry,
  onChanged,
}: {
  readonly connection: ConnectionDocument;
  readonly entry: BrowseEntry;
  /** A device was made of the node. */
  readonly onChanged: () => void;
}): ReactNode {
  const client = useClient();
  const project = useProject((state) => state);
  const protocol = useStores('catalogue', (state) =>
    state.catalogue?.protocols.find(({ id }) => id === connection.protocol),
  );
  const unit = protocol?.addressBytes ?? 1;
  const at = entry.bytes?.at ?? '';
  // The tree learns of a device that was made here only when the exchange is heard again.
  const [made, setMade] = useState<string | null>(null);
  const deviceId = entry.deviceId ?? made;
  const device = deviceId === null ? undefined : project.device.get(deviceId)?.document;
  const [raw, setRaw] = useState<{ readonly bytes: Uint8Array; readonly nowMs: number } | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [offset, setOffset] = useState(0);
  const [textLength, setTextLength] = useState('16');
  const [picked, setPicked] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [unitText, setUnitText] = useState('');
  const [period, setPeriod] = useState('500 ms');
  const [busy, setBusy] = useState(false);
  const [importing, setImporting] = useState(false);
  const [mapped, setMapped] = useState<readonly MappedPlace[]>([]);
  const changes = useRef(new ByteChanges());

  useEffect(() => {
    const abort = new AbortController();
    let failures = 0;
    const run = async (): Promise<void> => {
      const items = client.rpc.browsing.bytes(
        { connectionId: connection.id, node: entry.id, count: MOST_BYTES },
        { signal: abort.signal },
      );
      for await (const item of items) {
        setRefusal(null);
        failures = 0;
        if (item.raw === null) continue;
        const nowMs = performance.now();
        const bytes = item.raw.bytes.slice();
        changes.current.note(bytes, nowMs);
        setRaw({ bytes, nowMs });
      }
    };
    const again = async (): Promise<void> => {
      while (!abort.signal.aborted) {
        try {
          await run();
        } catch (error) {
          if (abort.signal.aborted || isAppError(error, 'rpc.cancelled')) return;
          // A device that is added has the link opened anew: what is heard goes on a moment later.
          failures = isAppError(error, 'protocol.link-lost') ? failures + 1 : PATIENCE;
          if (failures >= PATIENCE) setRefusal(errorText(error));
        }
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    };
    void again();
    return () => abort.abort();
  }, [client, connection.id, entry.id]);

  const ownTags = useMemo(
    () => [...project.tag.values()].filter(({ document }) => document.deviceId === deviceId),
    [project.tag, deviceId],
  );
  useEffect(() => {
    if (deviceId === null) {
      setMapped([]);
      return;
    }
    const abort = new AbortController();
    const names = new Map(ownTags.map(({ document }) => [document.id, document.name]));
    client.rpc.browsing
      .mapped({ deviceId, at }, { signal: abort.signal })
      .then(({ places }) => {
        const shown = places.map((place) => ({ ...place, name: names.get(place.tagId) ?? '' }));
        setMapped(shown.sort((one, other) => one.offset - other.offset));
      })
      .catch(() => undefined);
    return () => abort.abort();
  }, [client, deviceId, at, ownTags]);

  const length = /^\d{1,4}$/.test(textLength.trim()) ? Math.max(1, Number(textLength)) : 16;
  const readings = useMemo(
    () => readingsOf(protocol?.valueTypes ?? [], unit, length),
    [protocol?.valueTypes, unit, length],
  );
  const ranked = useRanked(readings, unit, raw?.bytes ?? null, offset);
  const chosen = readings.find(({ key }) => key === picked) ?? ranked[0]?.reading ?? readings[0];
  const nameProblem = name.trim() === '' ? null : checkName(name, project, '');
  const periodError = checkPeriod(period) ?? undefined;

  const createDevice = async (): Promise<void> => {
    if (entry.newDevice === null || busy) return;
    setBusy(true);
    try {
      const names = new Set(devicesOf(project, connection.id).map(({ document }) => document.name));
      const id = newId();
      const document = {
        id,
        connectionId: connection.id,
        name: freeName(entry.newDevice.name, names),
        enabled: true,
        settings: entry.newDevice.settings,
      };
      await client.edits.commit(
        { label: `Device "${document.name}" added`, changes: [{ kind: 'device', id, document, expected: null }] },
        true,
      );
      setMade(id);
      onChanged();
    } catch (error) {
      setRefusal(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const add = async (): Promise<void> => {
    if (device === undefined || chosen === undefined || busy || name.trim() === '' || nameProblem !== null) return;
    setBusy(true);
    setRefusal(null);
    try {
      const value = { offset, type: chosen.type, bit: chosen.bit, length: chosen.length };
      const { addresses } = await client.rpc.browsing.addresses({
        connectionId: connection.id,
        settings: device.settings,
        at,
        values: [value],
      });
      const [address] = addresses;
      if (address == null) {
        setRefusal(`A value of ${plural(chosen.bytes, 'byte')} can't begin at byte ${offset}. Choose another place.`);
        return;
      }
      const tag = {
        ...newTag(device.id),
        name: name.trim(),
        address,
        type: chosen.type,
        order: ordersOf(chosen.type).length > 1 && chosen.type !== 'string' ? chosen.order : null,
        unit: textOrNull(unitText),
        periodMs: parsePeriod(period) ?? 500,
      };
      await client.edits.commit({ label: `Tag "${tag.name}" added`, changes: [tagChange(project, tag)] }, true);
      // The next value mostly follows, and its name counts on.
      if (chosen.bit === null) setOffset(Math.min((raw?.bytes.length ?? 1) - 1, offset + chosen.bytes));
      setName(/\d/.test(tag.name) ? countUp(tag.name, 1, 1) : '');
    } catch (error) {
      setRefusal(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const exportLayout = async (): Promise<void> => {
    try {
      const { text } = await client.rpc.tags.exportCsv({ tagIds: ownTags.map(({ document }) => document.id) });
      offerFile(`${fileNamePart(device?.name ?? '', 'device')}-layout.csv`, text, 'text/csv;charset=utf-8');
    } catch (error) {
      client.fail(error, 'The layout could not be exported');
    }
  };

  return (
    <div className="byte-map">
      <div className="byte-map-head">
        <span className="quiet">
          {entry.typeName}
          {entry.description === '' ? '' : `, ${entry.description}`}
        </span>
        <span className="toolbar-gap" />
        {device !== undefined && (
          <>
            <IconButton
              icon={Download}
              label={`Export the layout of "${device.name}" as CSV`}
              disabled={ownTags.length === 0}
              onClick={() => void exportLayout()}
            />
            <IconButton
              icon={FileUp}
              label={`Import a layout into "${device.name}"`}
              onClick={() => setImporting(true)}
            />
          </>
        )}
      </div>
      {device === undefined && (
        <Banner
          tone="info"
          actions={
            entry.newDevice !== null && (
              <Button look="primary" icon={Plus} disabled={busy} onClick={() => void createDevice()}>
                Create the device
              </Button>
            )
          }
        >
          No device is configured for this yet. Tags need one; its settings are taken from what was heard.
        </Banner>
      )}
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      {raw === null ? (
        <Skeleton rows={6} />
      ) : (
        <>
          <HexGrid
            bytes={raw.bytes}
            changes={changes.current}
            nowMs={raw.nowMs}
            mapped={mapped}
            offset={offset}
            length={chosen?.bytes ?? 1}
            onSelect={setOffset}
          />
          <Place
            bytes={raw.bytes}
            offset={offset}
            length={chosen?.bytes ?? 1}
            mapped={device === undefined ? null : mapped}
          />
          <Readings ranked={ranked} chosen={chosen?.key ?? null} onPick={setPicked} />
          <form
            className="byte-map-form"
            aria-label="Tag of the selected bytes"
            onSubmit={(event) => {
              event.preventDefault();
              void add();
            }}
          >
            <TextField
              label="Name"
              value={name}
              onChange={setName}
              maxLength={200}
              error={nameProblem ?? undefined}
              placeholder={`byte ${offset}${chosen === undefined ? '' : `, ${chosen.type}`}`}
            />
            <TextField label="Unit" optional value={unitText} onChange={setUnitText} maxLength={40} />
            <TextField label="Period" mono value={period} onChange={setPeriod} error={periodError} />
            <TextField label="Text length" mono value={textLength} onChange={setTextLength} inputMode="numeric" />
            <Button
              look="primary"
              icon={ListPlus}
              type="submit"
              disabled={
                device === undefined || busy || name.trim() === '' || nameProblem !== null || periodError !== undefined
              }
            >
              Add the tag
            </Button>
          </form>
        </>
      )}
      {importing && <ImportDialog text={null} deviceId={deviceId} onClose={() => setImporting(false)} />}
    </div>
  );
}

/** The selected bytes in words: where they lie, what they are, and which tags read them already. */
function Place({
  bytes,
  offset,
  length,
  mapped,
}: {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** Null as long as there is no device that tags could belong to. */
  readonly mapped: readonly MappedPlace[] | null;
}): ReactNode {
  const last = Math.min(bytes.length, offset + length) - 1;
  const own = mapped?.filter((place) => place.offset <= last && place.offset + place.bytes > offset) ?? [];
  const names = own.map(({ name, bit }) => (bit === null ? name : `${name} (bit ${bit})`)).join(', ');
  return (
    <p className="byte-place">
      <span className="mono">{last > offset ? `Bytes ${offset} to ${last}` : `Byte ${offset}`}</span>
      <span className="mono quiet">{hexText(bytes.subarray(offset, Math.min(last + 1, offset + MOST_SHOWN)))}</span>
      <span className="toolbar-gap" />
      {mapped !== null && (names === '' ? <span className="quiet">No tag here</span> : <MiddleText text={names} />)}
    </p>
  );
}

interface Ranked {
  readonly reading: ByteReading;
  readonly now: RawReading;
  /** 1 for the most plausible; null for bits, which are all as plausible. */
  readonly score: number | null;
  readonly reasons: readonly string[];
}

/** All readings at a place with what they give now, the most plausible first; places change once a second at most. */
function useRanked(
  readings: readonly ByteReading[],
  unit: number,
  bytes: Uint8Array | null,
  offset: number,
): readonly Ranked[] {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place is judged anew
  const ranking = useMemo(() => {
    const numbers = readings.filter(({ type }) => type !== 'bit');
    return {
      of: createRanking(numbers, unit, { range: null, scaling: null }),
      seen: null as Uint8Array | null,
      at: Number.NEGATIVE_INFINITY,
      judged: [] as readonly Pick<Ranked, 'reading' | 'score' | 'reasons'>[],
    };
  }, [readings, unit, offset]);
  return useMemo(() => {
    if (bytes === null) return [];
    if (ranking.seen !== bytes) {
      ranking.of.add(bytes.subarray(offset));
      ranking.seen = bytes;
    }
    const nowMs = performance.now();
    if (nowMs - ranking.at > RANK_MS) {
      ranking.at = nowMs;
      ranking.judged = [
        ...ranking.of.judged().map(({ reading, score, reasons }) => ({ reading, score, reasons })),
        ...readings.filter(({ type }) => type === 'bit').map((reading) => ({ reading, score: null, reasons: [] })),
      ];
    }
    return ranking.judged.flatMap((one) => {
      const now = readBytes(bytes, offset, one.reading);
      return now === null ? [] : [{ ...one, now }];
    });
  }, [ranking, readings, bytes, offset]);
}

function Readings({
  ranked,
  chosen,
  onPick,
}: {
  readonly ranked: readonly Ranked[];
  readonly chosen: string | null;
  readonly onPick: (key: string) => void;
}): ReactNode {
  return (
    <div className="byte-readings" role="radiogroup" aria-label="Ways to read the selected bytes">
      {ranked.map(({ reading, now, score, reasons }) => (
        <label key={reading.key} className="byte-reading" title={reasons.join('; ')}>
          <input
            type="radio"
            name="byte-reading"
            checked={reading.key === chosen}
            onChange={() => onPick(reading.key)}
          />
          <span className="mono">
            {reading.bit === null ? reading.type : `bit ${reading.bit}`}
            {ordersOf(reading.type).length > 1 && reading.type !== 'string' ? ` ${reading.order}` : ''}
          </span>
          <span className="mono num byte-value" title={valueText(now)}>
            {valueText(now)}
          </span>
          <span className="byte-score" aria-hidden style={{ ['--score' as string]: `${(score ?? 0) * 100}%` }} />
        </label>
      ))}
    </div>
  );
}

function valueText({ value, text }: RawReading): string {
  if (text !== null) return /^-?\d+$/.test(text) ? groupDigits(text) : text === '' ? '(empty)' : text;
  return Number.isFinite(value) ? formatNumber(value) : NO_VALUE;
}
