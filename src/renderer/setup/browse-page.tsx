import { FolderSearch, ListTree, RefreshCw, Square } from 'lucide-react';
import { type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation, useRoute } from 'wouter';
import { useClient, useProject, useStores } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  EmptyState,
  formatCount,
  IconButton,
  Mark,
  MiddleText,
  SearchField,
  Skeleton,
  SplitPane,
  Tabs,
  Tree,
  type TreeHandle,
  type TreeLine,
  useActions,
} from '#renderer/ui/index.ts';
import type { ConnectionDocument } from '#shared/model/index.ts';
import type { BrowseEntry } from '#shared/rpc/browsing.ts';
import { knownTags } from './browse-add.ts';
import { BrowseAddPanel } from './browse-add-panel.tsx';
import { isTickable, type TreeRow } from './browse-tree.ts';
import { ByteMap } from './byte-map.tsx';
import { useBrowse } from './use-browse.ts';
import './setup.css';
import './browse.css';

/** What devices have, as a tree; ticked values become tags, and bytes without names are mapped. */
export function BrowsePage(): ReactNode {
  const client = useClient();
  const [, go] = useLocation();
  const [, route] = useRoute('/browse/:id');
  const loaded = useProject((state) => state.loaded);
  const stored = useProject((state) => state.connection);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const able = useMemo(() => {
    const protocols = new Set(catalogue?.protocols.filter((entry) => entry.can.browse).map(({ id }) => id));
    return [...stored.values()].map(({ document }) => document).filter(({ protocol }) => protocols.has(protocol));
  }, [catalogue, stored]);
  const connection = able.find(({ id }) => id === route?.id) ?? able[0] ?? null;

  if (!loaded || catalogue === null) return <Skeleton rows={10} />;
  if (connection === null) {
    return (
      <div className="page">
        <div className="toolbar">
          <h1>Browse</h1>
        </div>
        <EmptyState
          icon={FolderSearch}
          title="No device that can be browsed"
          text="None of the connections is of a protocol whose devices tell what they have. Add such a connection, or add tags by address."
        >
          <Button look="primary" onClick={() => client.showPage('/connections')}>
            Show the connections
          </Button>
        </EmptyState>
      </div>
    );
  }
  return <Browser key={connection.id} connection={connection} choices={able} onChoose={(id) => go(`/browse/${id}`)} />;
}

type Line = TreeLine & { readonly row: TreeRow };

function Browser({
  connection,
  choices,
  onChoose,
}: {
  readonly connection: ConnectionDocument;
  readonly choices: readonly ConnectionDocument[];
  readonly onChoose: (id: string) => void;
}): ReactNode {
  const project = useProject((state) => state);
  const browse = useBrowse(connection.id);
  const { tree, version, facts, walking } = browse;
  const [search, setSearch] = useState('');
  const words = useDeferredValue(search);
  const [active, setActive] = useState<string | null>(null);
  const [side, setSide] = useState<'tags' | 'bytes'>('tags');
  const searchField = useRef<HTMLInputElement>(null);
  const handle = useRef<TreeHandle>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what is in the tree
  const lines = useMemo(
    () =>
      tree.rows(words).map((row): Line => {
        if (row.kind === 'note') return { id: row.id, depth: row.depth, open: null, tick: null, row };
        const { entry } = row;
        const canTick = isTickable(entry) || (entry.hasChildren && entry.deviceId !== null);
        return {
          id: row.id,
          depth: row.depth,
          open: entry.hasChildren ? words.trim() !== '' || tree.isOpen(row.id) : null,
          tick: canTick ? tree.tickState(row.id) : null,
          row,
        };
      }),
    [tree, version, words],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what is ticked
  const ticked = useMemo(() => tree.ticked(), [tree, version]);
  const caseless = useStores('catalogue', (state) => {
    const entry = state.catalogue?.protocols.find(({ id }) => id === connection.protocol);
    return entry?.caseless ?? false;
  });
  const known = useMemo(() => knownTags(project, caseless), [project, caseless]);
  const bytesOf = active === null ? undefined : tree.entry(active);

  const open = (id: string, on: boolean): void => {
    tree.open(id, on);
    if (on && !tree.isLoaded(id)) void browse.load(id);
  };
  const tick = async (id: string, on: boolean): Promise<void> => {
    tree.tick(id, on);
    setSide('tags');
    const unasked = on ? tree.unasked(id) : [];
    if (unasked.length === 0) return;
    await browse.walk(unasked);
    tree.tick(id, true);
  };
  const activate = (id: string): void => {
    setActive(id);
    if (tree.entry(id)?.bytes != null) setSide('bytes');
  };
  const enter = (id: string): void => {
    const line = lines.find((one) => one.id === id);
    if (line === undefined) return;
    if (line.row.kind === 'note') void browse.load(line.row.parent);
    else if (line.row.entry.bytes !== null) setSide('bytes');
    else if (line.open !== null) open(id, !line.open);
    else if (line.tick !== null) void tick(id, line.tick !== 'on');
  };
  const refresh = (): void => {
    browse.cancel();
    void browse.load(null).then(() => {
      for (const row of tree.rows('')) {
        if (row.kind === 'node' && tree.isOpen(row.id)) void browse.load(row.id);
      }
    });
  };
  const walkAll = (): void => {
    if (walking) browse.cancel();
    else void browse.walk([null]);
  };

  useActions(
    [
      {
        id: 'browse.search',
        title: 'Search what is loaded',
        group: 'Browse',
        keys: ['Ctrl+F'],
        inFields: true,
        run: () => searchField.current?.select(),
      },
      { id: 'browse.refresh', title: 'Ask the device again', group: 'Browse', keys: ['R'], run: refresh },
      {
        id: 'browse.all',
        title: walking ? 'Stop loading' : 'Load everything of the device',
        group: 'Browse',
        run: walkAll,
      },
      {
        id: 'browse.clear',
        title: 'Take all ticks away',
        group: 'Browse',
        enabled: () => ticked.length > 0,
        run: () => tree.clearTicks(),
      },
    ],
    [walking, ticked.length === 0, browse],
  );
  // Keys work at once, without a click into the tree.
  useEffect(() => handle.current?.focus(), []);

  const empty = lines.length === 0;
  const failure = tree.failure(null);
  const shownSide = bytesOf?.bytes == null ? 'tags' : side;
  return (
    <div className="page">
      <div className="toolbar">
        <h1>Browse</h1>
        <select
          className="select browse-choice"
          aria-label="Connection"
          value={connection.id}
          onChange={(event) => onChoose(event.target.value)}
        >
          {choices.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <SearchField ref={searchField} label="Search what is loaded" value={search} onChange={setSearch} />
        <span className="quiet tags-count" aria-live="polite">
          {walking ? `Loading, ${formatCount(tree.size)} so far` : `${formatCount(tree.size)} loaded`}
          {ticked.length > 0 && `, ${formatCount(ticked.length)} ticked`}
        </span>
        <span className="toolbar-gap" />
        {facts.own && (
          <Mark
            tone="info"
            shape="square"
            title="Nothing runs on this connection, so a link was opened for browsing. It is closed soon after the last look, and at once when the connection is switched on."
          >
            Own link
          </Mark>
        )}
        <IconButton icon={RefreshCw} label="Ask the device again" keys="R" onClick={refresh} />
        <Button icon={walking ? Square : ListTree} onClick={walkAll}>
          {walking ? 'Stop' : 'Load all'}
        </Button>
      </div>
      {facts.cut && (
        <Banner tone="info">
          The device has more than is loaded at once. Open what is wanted in the tree instead of loading everything.
        </Banner>
      )}
      {!empty && failure !== null && (
        <Banner
          tone="error"
          actions={
            <Button icon={RefreshCw} onClick={refresh}>
              Ask again
            </Button>
          }
        >
          {failure} What is listed was read before.
        </Banner>
      )}
      <div className="page-fill">
        <SplitPane
          name="browse"
          first={
            <div className="browse-tree">
              {empty ? (
                <BrowseEmpty
                  loading={tree.isLoading(null)}
                  failure={failure}
                  searched={words.trim() !== '' && tree.size > 0}
                  told={facts.told}
                  onRetry={refresh}
                />
              ) : (
                <Tree
                  handle={handle}
                  name="browse"
                  label={`What ${connection.name} has`}
                  lines={lines}
                  active={active}
                  onActive={activate}
                  onOpen={open}
                  onTick={(id, on) => void tick(id, on)}
                  onEnter={enter}
                  lineLabel={({ row }) => (row.kind === 'note' ? row.text : lineText(row.entry, known(row.entry)))}
                  head={
                    <>
                      <span className="browse-name">Name</span>
                      <span className="browse-type">Type</span>
                      <span className="browse-about">Description</span>
                    </>
                  }
                >
                  {({ row }) => <BrowseLine row={row} known={row.kind === 'node' ? known(row.entry) : null} />}
                </Tree>
              )}
            </div>
          }
          second={
            <section className="conn-side" aria-label="What is chosen">
              <Tabs
                name="browse"
                label="What is chosen"
                tabs={[
                  {
                    id: 'tags' as const,
                    title: ticked.length === 0 ? 'Tags to add' : `Tags to add (${formatCount(ticked.length)})`,
                  },
                  ...(bytesOf?.bytes == null ? [] : [{ id: 'bytes' as const, title: 'Bytes' }]),
                ]}
                shown={shownSide}
                onShow={setSide}
              />
              <div className="conn-panel" role="tabpanel" id="browse-panel" aria-labelledby={`browse-tab-${shownSide}`}>
                {shownSide === 'bytes' && bytesOf?.bytes != null ? (
                  <ByteMap
                    key={bytesOf.id}
                    connection={connection}
                    entry={bytesOf}
                    onChanged={() => void browse.load(tree.parentOf(bytesOf.id))}
                  />
                ) : (
                  <BrowseAddPanel entries={ticked} known={known} onAdded={() => tree.clearTicks()} />
                )}
              </div>
            </section>
          }
          secondSize="35rem"
          minSecond="26rem"
        />
      </div>
    </div>
  );
}

const lineText = ({ name, typeName, description }: BrowseEntry, known: string | null): string =>
  `${name} ${typeName} ${description}${known === null ? '' : `, is there already as "${known}"`}`;

function BrowseLine({ row, known }: { readonly row: TreeRow; readonly known: string | null }): ReactNode {
  if (row.kind === 'note') {
    return (
      <span className={row.failed ? 'field-error browse-note' : 'quiet browse-note'} title={row.text}>
        {row.text}
      </span>
    );
  }
  const { name, typeName, description } = row.entry;
  return (
    <>
      <span className="browse-name">
        <MiddleText text={name} />
        {known !== null && (
          <span className="browse-known" title={`Is there already as "${known}".`}>
            tag
          </span>
        )}
      </span>
      <span className="browse-type mono" title={typeName}>
        {typeName}
      </span>
      <span className="browse-about quiet" title={description}>
        {description}
      </span>
    </>
  );
}

function BrowseEmpty({
  loading,
  failure,
  searched,
  told,
  onRetry,
}: {
  readonly loading: boolean;
  readonly failure: string | null;
  readonly searched: boolean;
  readonly told: boolean;
  readonly onRetry: () => void;
}): ReactNode {
  if (searched) {
    return (
      <EmptyState
        icon={FolderSearch}
        title="Nothing found"
        text="No node that is loaded has these words in it. Load everything to search the whole device."
      />
    );
  }
  if (failure !== null) {
    return (
      <EmptyState icon={FolderSearch} title="The device can't be browsed" text={failure}>
        <Button look="primary" icon={RefreshCw} onClick={onRetry}>
          Try again
        </Button>
      </EmptyState>
    );
  }
  if (told) {
    return (
      <EmptyState
        icon={FolderSearch}
        title="Nothing heard yet"
        text="These devices tell by themselves and can't be asked. What is heard appears here; check that they run and send to this computer."
      />
    );
  }
  if (loading) return <Skeleton rows={10} />;
  return (
    <EmptyState icon={FolderSearch} title="The device has nothing to show" text="It answered with an empty list.">
      <Button icon={RefreshCw} onClick={onRetry}>
        Ask again
      </Button>
    </EmptyState>
  );
}
