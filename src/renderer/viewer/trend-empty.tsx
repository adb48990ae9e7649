import { AreaChart } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient } from '#renderer/client/index.ts';
import { Button, EmptyState } from '#renderer/ui/index.ts';

/** What stands where nothing is drawn: how tags come here, or where they come from. */
export function TrendEmpty({
  hasTags,
  onFindTags,
}: {
  readonly hasTags: boolean;
  readonly onFindTags: () => void;
}): ReactNode {
  const client = useClient();
  return (
    <div className="trend-empty">
      {hasTags ? (
        <EmptyState
          icon={AreaChart}
          title="Nothing is drawn yet"
          text="Drag tags from the list at the left into this space, or choose them there and press Enter. Live values and the recorded past are shown in one picture."
        >
          <Button look="primary" onClick={onFindTags}>
            Find tags
          </Button>
        </EmptyState>
      ) : (
        <EmptyState
          icon={AreaChart}
          title="Nothing to draw yet"
          text="A trend draws tags, and there are none. Add a connection and its tags; they are recorded from the first value on."
        >
          <Button look="primary" onClick={() => client.showPage('/connections/new')}>
            Add a connection
          </Button>
        </EmptyState>
      )}
    </div>
  );
}
