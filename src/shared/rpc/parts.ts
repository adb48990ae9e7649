import { z } from 'zod';

/** Parts that the contract's areas share. */
export const id = z.string().max(200);
export const ids = (max: number) => z.array(id).max(max);
