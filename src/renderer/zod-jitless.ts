import { z } from 'zod';

// zod compiles schemas with `new Function` unless told not to; the page's content security policy forbids that and
// would report each attempt. Imported before anything that makes a schema.
z.config({ jitless: true });
