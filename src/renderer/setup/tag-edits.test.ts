import { describe, expect, it } from 'vitest';
import type { ProjectState } from '#renderer/client/index.ts';
import type { TagDocument } from '#shared/model/index.ts';
import {
  addressStep,
  checkName,
  checkPeriod,
  decodeText,
  fillDown,
  importChanges,
  newTag,
  numberOrNull,
  removeChanges,
  scalingText,
} from './tag-edits.ts';

const tag = (id: string, name: string): TagDocument => ({ ...newTag('d1'), id, name, address: 'HR1' });
const project: ProjectState = {
  loaded: true,
  settings: new Map(),
  connection: new Map(),
  device: new Map(),
  tag: new Map([['t1', { revision: 4, document: tag('t1', 'Speed') }]]),
  recorder: new Map(),
  trend: new Map(),
  source: new Map(),
  graph: new Map(),
};

describe('adding many tags', () => {
  it('counts names and addresses up', () => {
    const rows = fillDown({ ...tag('x', 'Zone 01 temperature'), address: '400011' }, 3, { name: 1, address: 2 });
    expect(rows.map((row) => [row.name, row.address])).toEqual([
      ['Zone 01 temperature', '400011'],
      ['Zone 02 temperature', '400013'],
      ['Zone 03 temperature', '400015'],
    ]);
    expect(new Set(rows.map((row) => row.id)).size).toBe(3);
  });

  it('numbers a name that has no number', () => {
    expect(fillDown(tag('x', 'Force'), 3, { name: 1, address: 1 }).map((row) => row.name)).toEqual([
      'Force',
      'Force 2',
      'Force 3',
    ]);
  });

  it('suggests how far the next address is', () => {
    const types = ['bit', 'int8', 'int16', 'float32', 'float64', 'string'] as const;
    const steps = (bytes: number | null): number[] => types.map((type) => addressStep(type, bytes));
    expect(steps(2)).toEqual([1, 1, 1, 2, 4, 1]);
    expect(steps(1)).toEqual([1, 1, 2, 4, 8, 1]);
    expect(steps(null)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(addressStep('string', 2, 15), 'a text of 15 bytes in registers').toBe(8);
    expect(addressStep('string', 1, 15)).toBe(15);
    expect(addressStep('bit', 2, 2)).toBe(1);
  });

  it('counts bits on into the next place', () => {
    const first = { ...tag('t', 'Lamp 1'), address: '400001.14', type: 'bit' as const };
    const addresses = (bytes: number | null): string[] =>
      fillDown(first, 4, { name: 1, address: 1 }, bytes).map(({ address }) => address);
    expect(addresses(2)).toEqual(['400001.14', '400001.15', '400002.0', '400002.1']);
    expect(addresses(null)).toEqual(['400001.14', '400001.15', '400001.16', '400001.17']);
  });
});

describe('what is typed into cells', () => {
  it.each([
    ['', null],
    ['1,5', 1.5],
    ['\u22123', -3],
    ['12\u202f000', 12_000],
    ['abc', undefined],
  ])('number %j -> %s', (text, expected) => {
    expect(numberOrNull(text)).toBe(expected);
  });

  it('says what a period is', () => {
    expect(checkPeriod('100 ms')).toBeNull();
    expect(checkPeriod('0')).toBe('A period is at least 1 ms.');
    expect(checkPeriod('25 h')).toBe('A period is at most 24 h.');
    expect(checkPeriod('often')).toContain('is needed');
  });

  it('keeps names unique, apart from the tag itself', () => {
    expect(checkName('Speed', project, 't2')).toBe('Another tag is called "Speed".');
    expect(checkName(' Speed ', project, 't1')).toBeNull();
    expect(checkName(' ', project, 't1')).toBe('A name is needed.');
  });

  it('shows scalings', () => {
    expect(scalingText({ kind: 'gain', gain: 0.1, offset: -40 })).toBe('× 0.1 \u2212 40');
    expect(scalingText(null)).toBe('');
  });
});

describe('import and delete', () => {
  it('writes new and changed rows with the revision that is known, and leaves the rest out', () => {
    const row = (status: 'new' | 'change' | 'same' | 'bad', document: TagDocument | null) => ({
      row: 0,
      line: 2,
      status,
      reason: status === 'bad' ? 'The address is empty.' : null,
      name: document?.name ?? '',
      address: '',
      device: 'Device 1',
      tag: document,
    });
    const rows = [
      row('new', tag('t2', 'Force')),
      row('change', tag('t1', 'Speed')),
      row('same', tag('t3', 'Gap')),
      row('bad', null),
    ];
    const settings = {};
    const made = {
      connections: [
        { id: 'c8', name: 'Needed', protocol: 'modbus', enabled: true, demo: false, settings },
        { id: 'c9', name: 'Not needed', protocol: 'modbus', enabled: true, demo: false, settings },
      ],
      devices: [
        { id: 'd8', connectionId: 'c8', name: 'Needed', enabled: true, settings },
        { id: 'd9', connectionId: 'c9', name: 'Not needed', enabled: true, settings },
      ],
    };
    const onNew = row('new', { ...tag('t4', 'Torque'), deviceId: 'd8' });
    expect(importChanges([...rows, onNew], made, project).map((change) => [change.id, change.expected])).toEqual([
      ['c8', null],
      ['d8', null],
      ['t2', null],
      ['t1', 4],
      ['t4', null],
    ]);
  });

  it('removes what is there', () => {
    expect(removeChanges(['t1', 'gone'], project)).toEqual([{ kind: 'tag', id: 't1', document: null, expected: 4 }]);
  });
});

describe('text files', () => {
  it('reads UTF-8 and what Windows spreadsheets write', () => {
    expect(decodeText(new TextEncoder().encode('Dicke µm').buffer)).toBe('Dicke µm');
    expect(decodeText(new Uint8Array([0x44, 0xfc, 0x73, 0x65]).buffer)).toBe('Düse');
  });
});
