// Who may import whom. Run by `npm run boundaries`, which also checks that the checker saw every file. Each comment
// says what to do instead. `test/boundaries/rules.test.ts` proves of every rule that it bites.

/** One of these folder names, as a pattern. */
const any = (names) => `(${names.join('|')})`;
const npm = (name) => `^(node_modules/)?${name}(/|$)`;
const tests = '\\.test\\.tsx?$';

/** Engine modules in order, and what each may import besides `shared` and its own folder. */
const engineModules = {
  platform: [],
  protocols: ['platform'],
  historian: ['platform'],
  project: ['platform'],
  installation: ['platform'],
  live: ['platform'],
  tsdb: ['historian', 'platform'],
  promql: [],
  // Sources of the project and of configuration as running connections: they need project and installation, which tsdb must not know.
  sources: ['tsdb', 'project', 'installation', 'platform'],
  exporters: [],
  acquisition: ['protocols', 'live', 'historian', 'project', 'platform'],
  recording: ['live', 'historian', 'tsdb', 'exporters', 'project', 'platform'],
  alarms: ['live', 'historian', 'project', 'platform'],
  analytics: ['tsdb', 'live', 'project', 'promql', 'platform'],
};
const engineNames = Object.keys(engineModules);

/** Renderer modules, and what each may import besides `shared` and its own folder. `app` puts all together. */
const renderModules = {
  client: [],
  ui: [],
  plot: [],
  editor: [],
  widgets: ['client', 'ui', 'plot'],
  dashboards: ['widgets', 'client', 'ui'],
  // Live cells of tags and the recorder's control appear on several pages; pages don't import one another otherwise.
  tags: ['client', 'ui'],
  // What is recorded can be sent from where it is looked at, and from the source that it goes to.
  sending: ['client', 'ui'],
  recordings: ['sending', 'client', 'ui'],
  exporting: ['client', 'ui'],
  log: ['client', 'ui'],
  backends: ['sending', 'client', 'ui'],
  viewer: ['plot', 'tags', 'recordings', 'exporting', 'sending', 'client', 'ui'],
  // A graph is opened in the trend by the keys that its traces have there.
  graphs: ['plot', 'viewer', 'client', 'ui'],
  overview: ['tags', 'recordings', 'client', 'ui'],
  setup: ['tags', 'client', 'ui', 'editor'],
};

/** Packages behind a wrapper: only the owner imports them, so that they can be replaced in one place. */
const wrapped = {
  'monaco-editor': ['src/renderer/editor', 'the editor of renderer/editor'],
  '@mantine': ['src/renderer/(ui|app)', 'the components of renderer/ui'],
  '@tanstack': ['src/renderer/ui', 'the table of renderer/ui'],
  'better-sqlite3': ['src/engine/platform', 'openDatabase of engine/platform'],
  'modbus-serial': ['src/engine/protocols/modbus', 'the modbus driver'],
  serialport: ['src/engine/protocols/modbus', 'the modbus driver'],
  'node-opcua': ['src/engine/protocols/opcua', 'the opcua driver'],
  exceljs: ['src/engine/exporters/xlsx', 'the xlsx exporter'],
  'parquet-wasm': ['src/engine/exporters/parquet', 'the parquet exporter'],
  'apache-arrow': ['src/engine/exporters/parquet', 'the parquet exporter'],
  pg: ['src/engine/tsdb/timescale', 'the session of tsdb/timescale'],
  saxes: ['src/engine/project/tag-lists', 'the formats of engine/project/tag-lists'],
  'smol-toml': ['src/engine/project/tag-lists', 'the formats of engine/project/tag-lists'],
  fastify: ['src/main/http', 'the routes of main/http'],
  ws: ['src/main/http', 'a Port of shared/rpc'],
};

const moduleOrder = (side, modules, rest) =>
  Object.entries(modules).map(([name, may]) => ({
    name: `module-order-${side}-${name}`,
    comment: `${side}/${name} may import ${may.length === 0 ? 'shared only' : `shared, ${may.join(', ')}`}. Pass the rest in from ${rest}, or move the code to the module that owns it.`,
    severity: 'error',
    from: { path: `^src/${side}/${name}/`, pathNot: tests },
    to: { path: `^src/${side}/`, pathNot: [`^src/${side}/${any([name, ...may])}/`] },
  }));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'only-main-knows-electron',
      comment:
        'Only the Electron host imports electron. Take what is needed as an option (EngineOptions) and let src/main pass it in.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/main/index\\.ts$', '^src/main/desktop/', '^src/preload/'] },
      to: { path: npm('electron') },
    },
    {
      name: 'server-host-never-reaches-electron',
      comment:
        'src/main/engine.ts and src/main/http run under plain Node, where importing electron starts a download. Keep Electron code in src/main/desktop.',
      severity: 'error',
      from: { path: '^src/main/(engine\\.ts$|http/)' },
      to: { path: ['^src/main/desktop/', npm('electron')], reachable: true },
    },
    {
      name: 'shared-is-pure',
      comment:
        'src/shared runs in browsers, Node and Electron: no Node built-in, no package but zod, no other folder of src. Give the function what it needs as an argument.',
      severity: 'error',
      from: { path: '^src/shared/', pathNot: tests },
      to: { pathNot: ['^src/shared/', npm('zod')] },
    },
    {
      name: 'shared-model-and-errors-first',
      comment: 'shared/model and shared/errors.ts are below rpc and formula. Move the common part into model.',
      severity: 'error',
      from: { path: '^src/shared/(model/|errors\\.ts$)', pathNot: tests },
      to: { path: '^src/shared/', pathNot: ['^src/shared/model/', '^src/shared/errors\\.ts$'] },
    },
    {
      name: 'shared-siblings',
      comment: 'shared/rpc and shared/formula know model and errors, not each other. Combine them in the caller.',
      severity: 'error',
      from: { path: '^src/shared/(rpc|formula)/', pathNot: tests },
      to: {
        path: '^src/shared/',
        pathNot: ['^src/shared/$1/', '^src/shared/model/', '^src/shared/errors\\.ts$'],
      },
    },
    {
      name: 'engine-stands-alone',
      comment:
        'The engine knows no host and no screen. Take it as an option of createEngine, or offer it through the contract.',
      severity: 'error',
      from: { path: '^src/engine/' },
      to: { path: '^src/(main|preload|renderer)/' },
    },
    {
      name: 'one-door',
      comment: 'Hosts use src/engine/index.ts only. Export what is needed there, or take it from src/shared.',
      severity: 'error',
      from: { path: '^src/main/', pathNot: tests },
      to: { path: '^src/engine/', pathNot: '^src/engine/index\\.ts$' },
    },
    {
      name: 'main-hosts-only',
      comment:
        'A host imports the engine, shared and its own files. Screens and the preload are loaded as files, not imported.',
      severity: 'error',
      from: { path: '^src/main/', pathNot: tests },
      to: { path: '^src/(preload|renderer)/' },
    },
    {
      name: 'preload-hands-over-one-port',
      comment: 'The preload hands over a port and nothing else: electron and the handshake names of shared/rpc.',
      severity: 'error',
      from: { path: '^src/preload/', pathNot: tests },
      to: { pathNot: ['^src/preload/', '^src/shared/', npm('electron'), npm('zod')] },
    },
    {
      name: 'renderer-sees-shared-only',
      comment:
        'The screen reaches the engine through the contract (renderer/client), never by import, and has no Node.',
      severity: 'error',
      from: { path: '^src/renderer/', pathNot: tests },
      to: { path: '^src/(engine|main|preload)/' },
    },
    {
      name: 'renderer-has-no-node',
      comment: 'The page runs in a browser. Use the web platform, or add a procedure to the contract.',
      severity: 'error',
      from: { path: '^src/renderer/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'simulators-share-nothing-with-the-engine',
      comment:
        'A simulator that used the engine would repeat its mistakes. Write the device side from its specification; only src/shared is common.',
      severity: 'error',
      from: { path: '^src/simulators/', pathNot: tests },
      to: { path: '^src/', pathNot: ['^src/simulators/', '^src/shared/'] },
    },
    {
      name: 'nobody-imports-simulators',
      comment: 'Simulators are a process of their own, started by file name. Tests import them from test/.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/simulators/', tests] },
      to: { path: '^src/simulators/' },
    },
    {
      name: 'plugins-do-not-know-each-other',
      comment:
        'Plugins of a family are independent. What two of them need belongs to the boundary file beside them, or to shared.',
      severity: 'error',
      from: { path: '^src/(engine/(?:protocols|tsdb|exporters)|renderer/widgets)/([^/]+)/' },
      to: { path: '^src/$1/[^/]+/', pathNot: '^src/$1/$2/' },
    },
    {
      name: 'plugins-know-only-their-boundary',
      comment:
        'A plugin imports its own folder, the boundary file of its family (protocol.ts, tsdb.ts, exporter.ts) and shared; tsdb/local also the historian. Everything else is passed in by the boundary.',
      severity: 'error',
      from: { path: '^src/engine/(protocols|tsdb|exporters)/([^/]+)/', pathNot: tests },
      to: {
        path: '^src/engine/',
        pathNot: [
          '^src/engine/$1/',
          '^src/engine/platform/',
          '^src/engine/(?:protocols/protocol|tsdb/tsdb|exporters/exporter)\\.ts$',
          '^src/engine/historian/index\\.ts$',
        ],
      },
    },
    {
      name: 'plugins-know-only-their-boundary-file',
      comment:
        'Of its family a plugin imports the boundary file alone; the array in index.ts imports the plugin, not the other way.',
      severity: 'error',
      from: { path: '^src/engine/(protocols|tsdb|exporters)/([^/]+)/', pathNot: tests },
      to: {
        path: '^src/engine/$1/[^/]+\\.ts$',
        pathNot: '^src/engine/(?:protocols/protocol|tsdb/tsdb|exporters/exporter)\\.ts$',
      },
    },
    {
      name: 'only-tsdb-local-knows-the-historian',
      comment: 'Of the plugins only tsdb/local reads the historian. Others get samples passed in.',
      severity: 'error',
      from: { path: '^src/engine/(protocols|tsdb|exporters)/[^/]+/', pathNot: [tests, '^src/engine/tsdb/local/'] },
      to: { path: '^src/engine/historian/' },
    },
    {
      name: 'plugins-take-platform-as-types',
      comment:
        'Clock and log come with the context. Import types of engine/platform (import type), never its functions; the steps of a connection test (ladder.ts) alone are passed on by the boundary file.',
      severity: 'error',
      from: { path: '^src/engine/(protocols|tsdb)/', pathNot: tests },
      to: {
        path: '^src/engine/platform/',
        pathNot: '^src/engine/platform/ladder\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'widgets-know-only-their-boundary',
      comment:
        'A widget imports its own folder, widgets/widget.ts, plot, ui and shared. Live values come in through its props.',
      severity: 'error',
      from: { path: '^src/renderer/widgets/([^/]+)/', pathNot: tests },
      to: {
        path: '^src/renderer/',
        pathNot: ['^src/renderer/widgets/$1/', '^src/renderer/widgets/widget\\.ts$', '^src/renderer/(?:plot|ui)/'],
      },
    },
    {
      name: 'api-is-the-top',
      comment:
        'engine/api translates between the contract and the modules. A rule that a module needs lives in the module.',
      severity: 'error',
      from: { path: '^src/engine/', pathNot: ['^src/engine/index\\.ts$', '^src/engine/api/', tests] },
      to: { path: '^src/engine/api/' },
    },
    {
      name: 'modules-by-their-index',
      comment:
        "Import another module by its index.ts, which lists what others may use, or by its family's boundary file. Export the name there if it is meant for others.",
      severity: 'error',
      from: { path: '^src/engine/([^/]+)/', pathNot: tests },
      to: {
        path: '^src/engine/[^/]+/',
        pathNot: [
          '^src/engine/$1/',
          '^src/engine/[^/]+/index\\.ts$',
          '^src/engine/(?:protocols/protocol|tsdb/tsdb|exporters/exporter|historian/store|platform/ladder)\\.ts$',
        ],
      },
    },
    {
      name: 'every-module-has-a-row',
      comment:
        'A new module gets a row in .dependency-cruiser.cjs that says what it may import, and a reason why it is not part of another.',
      severity: 'error',
      from: {
        path: '^src/(engine|renderer)/[^/]+/',
        pathNot: [
          `^src/engine/${any([...engineNames, 'api'])}/`,
          `^src/renderer/${any([...Object.keys(renderModules), 'app'])}/`,
        ],
      },
      to: {},
    },
    ...moduleOrder('engine', engineModules, 'engine/index.ts'),
    ...moduleOrder('renderer', renderModules, 'renderer/app'),
    {
      name: 'api-uses-no-library',
      comment:
        'engine/api has no rules of its own and no library: zod, the modules and shared. Put the work into a module.',
      severity: 'error',
      from: { path: '^src/engine/api/', pathNot: tests },
      to: { dependencyTypes: ['npm', 'npm-dev'], pathNot: npm('zod') },
    },
    ...Object.entries(wrapped).map(([name, [owner, instead]]) => ({
      name: `wrapped-libraries-${name.replace('@', '')}`,
      comment: `${name} is imported by ${owner.replace(/[()]/g, '')} alone. Use ${instead}.`,
      severity: 'error',
      from: { path: '^src/', pathNot: [`^${owner}/`, tests] },
      to: { path: npm(name) },
    })),
    {
      name: 'shipped-code-uses-dependencies',
      comment:
        'What runs in the engine, the hosts and the simulators is not bundled: the package belongs under "dependencies". Types alone may come from devDependencies (import type).',
      severity: 'error',
      from: { path: '^src/(engine|main|simulators)/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: npm('electron') },
    },
    {
      name: 'no-undeclared-package',
      comment:
        'Add the package to package.json with an exact version; one that is there only by chance goes with the next install.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'The import leads nowhere. Imports carry their .ts ending and use #shared/..., #engine/... or ./ paths.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-cycles',
      comment:
        'Modules that import each other cannot be read or tested alone. Move the common part below both, or pass a function in.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'Nothing imports this file and it imports nothing. Remove it, or use it.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: ['\\.d\\.ts$', tests] },
      to: {},
    },
    {
      name: 'no-test-from-source',
      comment: 'Product code does not import tests or their support. Only *.test.ts files may use #test/support.',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: ['^(test|e2e|bench)/', tests] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Type-only imports count: a type from the wrong side welds two modules together as well.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
    exoticRequireStrings: [],
  },
};
