import type { Acquisition } from '#engine/acquisition/index.ts';
import type { SampleStore } from '#engine/historian/index.ts';
import type { RuntimeTag, TagTable } from '#engine/live/index.ts';
import type { Alerts } from '#engine/platform/index.ts';
import type { ProjectStore } from '#engine/project/index.ts';

// Modules that do not know each other, kept in step: the project drives acquisition, the tag table drives the store.

/** Keeps the store's idea of a tag equal to the table's, names of connection and device included. */
export function registerTags(table: TagTable, store: SampleStore, project: ProjectStore): void {
  const register = (tags: readonly RuntimeTag[]): void => {
    if (tags.length === 0) return;
    store.register(
      tags.map((tag) => ({
        index: tag.index,
        id: tag.id,
        name: tag.name,
        description: tag.description,
        connection: project.get('connection', tag.connectionId)?.document.name ?? '',
        device: project.get('device', tag.deviceId)?.document.name ?? '',
        address: tag.address,
        periodMs: tag.periodMs,
        timeKind: tag.timeKind,
        demo: tag.demo,
        decimals: tag.decimals,
        range: tag.range,
        recipe: tag.recipe,
      })),
    );
  };
  table.watch(({ added, changed }) => register([...added, ...changed]));
}

export function applyProject(project: ProjectStore, acquisition: Acquisition): void {
  acquisition.apply({
    connections: project.list('connection').map((stored) => stored.document),
    devices: project.list('device').map((stored) => stored.document),
    tags: project.list('tag').map((stored) => stored.document),
  });
}

/** A connection that is lost or degraded is an alert until it runs again. */
export function watchLinks(acquisition: Acquisition, project: ProjectStore, alerts: Alerts): Disposable {
  let raised = new Set<string>();
  return acquisition.watch(() => {
    const now = new Set<string>();
    for (const link of acquisition.status()) {
      if ((link.state !== 'lost' && link.state !== 'degraded') || link.message === null) continue;
      const id = `link-${link.connectionId}`;
      now.add(id);
      alerts.raise(id, {
        severity: link.state === 'lost' ? 'error' : 'warning',
        source: project.get('connection', link.connectionId)?.document.name ?? 'Connection',
        text: link.message,
        advice: null,
      });
    }
    for (const id of raised) if (!now.has(id)) alerts.clear(id);
    raised = now;
  });
}
