import { describe, expect, it } from 'vitest';
import { type Column, columnsWithRoom } from './table-model.ts';

const column = (id: string, width: number, yields?: number): Column<object> => ({
  id,
  title: id,
  width,
  text: () => '',
  ...(yields === undefined ? {} : { yields }),
});
const columns = [column('name', 200), column('rate', 100, 2), column('errors', 80, 3), column('tags', 70, 1)];
const fitting = (room: number, stays: readonly string[] = []): string[] =>
  columnsWithRoom(
    columns,
    room,
    ({ width }) => width,
    ({ id }) => stays.includes(id),
  ).map(({ id }) => id);

describe('columns of a narrow table', () => {
  it('are all there while there is room', () => {
    expect(fitting(450)).toEqual(['name', 'rate', 'errors', 'tags']);
  });

  it('go by their rank, and only as many as must', () => {
    expect(fitting(449)).toEqual(['name', 'rate', 'tags']);
    expect(fitting(300)).toEqual(['name', 'tags']);
    expect(fitting(50)).toEqual(['name']);
  });

  it('stay where the user has chosen them', () => {
    expect(fitting(449, ['errors'])).toEqual(['name', 'errors', 'tags']);
    expect(fitting(50, ['errors'])).toEqual(['name', 'errors']);
  });
});
