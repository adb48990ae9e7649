import { needs } from '#test/support/needs.ts';
import { describeForeign } from './foreign-suite.ts';

describeForeign('apache', needs('timescaledb'), () => undefined);
