import { Cable, Factory, FileCog, FolderOpen, type LucideIcon } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useClient } from '#renderer/client/index.ts';
import { OpenRecordingDialog } from '#renderer/recordings/index.ts';
import { runAction } from '#renderer/ui/index.ts';
import './overview.css';

/** Four ways to a trend within a minute. Shown while the project has no connection. */
export function FirstRun(): ReactNode {
  const client = useClient();
  const [opening, setOpening] = useState(false);
  const [loading, setLoading] = useState(false);

  const demo = async (): Promise<void> => {
    setLoading(true);
    try {
      const { trendId } = await client.rpc.project.loadDemo();
      client.openTrend(trendId);
    } catch (error) {
      client.fail(error, 'The demo line could not be started');
      setLoading(false);
    }
  };

  return (
    <div className="first">
      <div className="first-inner">
        <h1>Start with a live trend</h1>
        <p className="first-lead">
          Everything that is read is kept in the running history from the first second. Nothing is written to the plant.
        </p>
        <div className="first-choices">
          <Choice
            icon={Factory}
            title="Demo line"
            text="A simulated cold rolling mill on this computer, with about 150 tags over three protocols. Its tags are marked DEMO."
            action={loading ? 'Starting the demo line' : 'Start the demo line'}
            disabled={loading}
            primary
            run={() => void demo()}
          />
          <Choice
            icon={Cable}
            title="New connection"
            text="A PLC or another device on the network. Its address is needed; a test walks from the network card to the first value."
            action="Add a connection"
            run={() => client.showPage('/connections/new')}
          />
          <Choice
            icon={FileCog}
            title="Project file"
            text="Connections, tags and trends that were saved on this or another computer, or by somebody else."
            action="Open a project file"
            run={() => runAction('project.open')}
          />
          <Choice
            icon={FolderOpen}
            title="Recording"
            text="A recording file of this or another computer, to be studied without a plant."
            action="Open a recording"
            run={() => setOpening(true)}
          />
        </div>
      </div>
      {opening && <OpenRecordingDialog onClose={() => setOpening(false)} />}
    </div>
  );
}

function Choice({
  icon: Icon,
  title,
  text,
  action,
  run,
  primary = false,
  disabled = false,
}: {
  readonly icon: LucideIcon;
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly run: () => void;
  readonly primary?: boolean;
  readonly disabled?: boolean;
}): ReactNode {
  return (
    <section className="first-choice">
      <Icon size={22} strokeWidth={1.5} aria-hidden />
      <h2>{title}</h2>
      <p>{text}</p>
      <button
        type="button"
        className="btn"
        data-look={primary ? 'primary' : 'normal'}
        disabled={disabled}
        onClick={run}
      >
        {action}
      </button>
    </section>
  );
}
