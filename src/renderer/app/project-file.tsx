import { type ReactNode, useRef, useState } from 'react';
import { errorText, useClient, useProject, useStores } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, formatBytes, offerFile, plural, runAction, useActions } from '#renderer/ui/index.ts';
import { FRAME_LIMITS } from '#shared/rpc/index.ts';
import { fileProblem, projectFileName } from './project-file-text.ts';
import './project-file.css';

const SAVE = 'project.save';
const OPEN = 'project.open';

/** Room for what surrounds the bytes in their message. */
const MAX_BYTES = FRAME_LIMITS.frameBytes - 1_000_000;

interface Chosen {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly problem: string | null;
}

/** The project as one file that moves between computers: its two actions, and the dialog before another one is opened. */
export function ProjectFile(): ReactNode {
  const client = useClient();
  const input = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<Chosen | null>(null);

  const save = async (): Promise<void> => {
    try {
      const { name, bytes } = await client.rpc.project.save();
      const file = projectFileName(name);
      offerFile(file, bytes, 'application/vnd.parx.project');
      client.notify({
        kind: 'info',
        // A page is not told where its download went, or whether it was cancelled.
        text: `The project file "${file}" was made, ${formatBytes(bytes.length)}.`,
        advice: 'It holds connections, devices, tags and trends; no history, no recordings, no secrets.',
      });
    } catch (error) {
      client.fail(error, 'The project could not be saved');
    }
  };
  const read = async (file: File): Promise<void> => {
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      setChosen({ name: file.name, bytes, problem: fileProblem(file.name, bytes, MAX_BYTES) });
    } catch (error) {
      client.fail(error, `"${file.name}" could not be read`);
    }
  };
  useActions(
    [
      {
        id: SAVE,
        title: 'Save project to a file',
        group: 'General',
        words: 'backup copy export download laptop parxproject',
        run: () => void save(),
      },
      {
        id: OPEN,
        title: 'Open a project file',
        group: 'General',
        words: 'import restore load replace backup parxproject',
        run: () => input.current?.click(),
      },
    ],
    [],
  );
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".parxproject"
        hidden
        aria-label="Project file"
        onChange={(event) => {
          const file = event.target.files?.[0];
          // The same file chosen again is a change again.
          event.target.value = '';
          if (file !== undefined) void read(file);
        }}
      />
      {chosen !== null && <OpenProjectDialog chosen={chosen} onClose={() => setChosen(null)} />}
    </>
  );
}

/** The two actions as buttons, for places where a user looks for them; `onUse` runs before. */
export function ProjectFileButtons({ onUse }: { readonly onUse?: () => void }): ReactNode {
  const run = (id: string): void => {
    onUse?.();
    runAction(id);
  };
  return (
    <div className="project-file-buttons">
      <h3 className="section-title">Project file</h3>
      <Button onClick={() => run(SAVE)}>Save to a file</Button>
      <Button onClick={() => run(OPEN)}>Open a file</Button>
    </div>
  );
}

type Step =
  | { readonly at: 'asking'; readonly refusal: string | null }
  | { readonly at: 'opening' }
  | { readonly at: 'done'; readonly documents: number; readonly problems: readonly string[]; readonly keptAt: string };

function OpenProjectDialog({ chosen, onClose }: { readonly chosen: Chosen; readonly onClose: () => void }): ReactNode {
  const client = useClient();
  const name = useProject((state) => state.settings.values().next().value?.document.name ?? 'ParX project');
  const connections = useProject((state) => state.connection.size);
  const tags = useProject((state) => state.tag.size);
  const recording = useStores('recording', (state) => state.state?.active?.name ?? null);
  const [step, setStep] = useState<Step>({ at: 'asking', refusal: chosen.problem });

  const open = async (): Promise<void> => {
    if (step.at !== 'asking' || chosen.problem !== null) return;
    setStep({ at: 'opening' });
    try {
      const report = await client.rpc.project.replace({ bytes: chosen.bytes });
      // What could be undone belonged to the other project.
      client.edits.state.setState({ undo: [], redo: [] });
      setStep({ at: 'done', ...report });
    } catch (error) {
      setStep({ at: 'asking', refusal: `"${chosen.name}" was not opened; nothing has changed. ${errorText(error)}` });
    }
  };

  if (step.at === 'done') {
    return (
      <Dialog
        title="Project opened"
        width="36rem"
        onClose={onClose}
        onSubmit={onClose}
        footer={
          <Button look="primary" type="submit" data-autofocus>
            Close
          </Button>
        }
      >
        <div className="project-file">
          <p>{`"${chosen.name}" is open with ${plural(step.documents, 'document')}.`}</p>
          {step.problems.length > 0 && (
            <>
              <Banner tone="warn">
                {`${plural(step.problems.length, 'document')} of the file could not be read and ${step.problems.length === 1 ? 'is' : 'are'} missing.`}
              </Banner>
              <ul className="project-file-problems selectable">
                {step.problems.map((problem) => (
                  <li key={problem}>{problem}</li>
                ))}
              </ul>
            </>
          )}
          <dl className="facts">
            <dt>Project before</dt>
            <dd className="mono selectable">{step.keptAt}</dd>
          </dl>
        </div>
      </Dialog>
    );
  }
  const busy = step.at === 'opening';
  return (
    <Dialog
      title="Open this project in place of the present one?"
      width="36rem"
      // While the engine changes over there is nothing to cancel any more.
      onClose={() => {
        if (!busy) onClose();
      }}
      onSubmit={() => void open()}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Keep the present one
          </Button>
          <Button look="primary" type="submit" disabled={busy || chosen.problem !== null} data-autofocus>
            {busy ? 'Opening' : 'Open'}
          </Button>
        </>
      }
    >
      <div className="project-file">
        {step.at === 'asking' && step.refusal !== null && <Banner tone="error">{step.refusal}</Banner>}
        <dl className="facts">
          <dt>File</dt>
          <dd className="mono selectable">{`${chosen.name}, ${formatBytes(chosen.bytes.length)}`}</dd>
          <dt>Present project</dt>
          <dd>{`${name}: ${plural(connections, 'connection')}, ${plural(tags, 'tag')}`}</dd>
        </dl>
        <ul className="project-file-list">
          <li>
            Connections, devices, tags and trends of the file take the place of the present ones, on every screen.
          </li>
          <li>Connections that the file does not have are closed; those of the file start at once.</li>
          <li>The present project is kept as a file in the folder "backups" of the data folder.</li>
          <li>
            {recording === null
              ? 'History and recordings stay.'
              : `History and recordings stay. "${recording}" is being recorded: its tags that the file does not have get no more samples.`}
          </li>
        </ul>
      </div>
    </Dialog>
  );
}
