// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { type ReactNode, useState } from 'react';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { FormValues } from './schema-fields.ts';
import { SchemaForm } from './schema-form.tsx';
import { UiProvider } from './theme.tsx';

const schema = z.toJSONSchema(
  z.object({
    host: z.string().min(1).meta({ title: 'Host', help: 'IP address or name.', group: 'Link' }),
    port: z.number().int().min(1).max(65_535).default(502).meta({ title: 'Port', group: 'Link' }),
    login: z.boolean().default(false).meta({ title: 'Login', group: 'Security' }),
    password: z
      .string()
      .optional()
      .meta({ title: 'Password', secret: true, group: 'Security', showIf: { login: true } }),
    forbidden: z.array(z.string()).default([]).meta({ title: 'Forbidden', group: 'Security' }),
    pause: z.number().min(0).default(0).meta({ title: 'Pause', unit: 'ms', group: 'Timing' }),
    backup: z
      .object({
        host: z.string().min(1).meta({ title: 'Second host', choicesFrom: 'hosts' }),
        port: z.number().default(502).meta({ title: 'Second port' }),
      })
      .optional()
      .meta({ title: 'Backup' }),
  }),
  { io: 'input' },
) as Record<string, unknown>;

const preferences = {
  get: <T,>(_name: string, fallback: T): T => fallback,
  set: () => undefined,
  onChange: () => ({ [Symbol.dispose]: () => undefined }),
};
let values: FormValues = {};

function Form({ errors = new Map<string, string>() }: { readonly errors?: ReadonlyMap<string, string> }): ReactNode {
  const [state, setState] = useState<FormValues>({});
  values = state;
  return (
    <UiProvider preferences={preferences}>
      <SchemaForm
        schema={schema}
        values={state}
        onChange={setState}
        errors={errors}
        suggest={async (list) => [{ value: `10.0.0.1`, label: list }]}
        example={{ host: '192.168.0.10' }}
      />
    </UiProvider>
  );
}
const type = (label: string, text: string): void => {
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
};

beforeAll(() => {
  window.matchMedia ??= (() => ({
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  })) as never;
});
afterEach(cleanup);

describe('schema form', () => {
  it('shows defaults and examples as placeholders and gives nothing for what was not typed', () => {
    render(<Form />);
    expect(screen.getByLabelText('Port').getAttribute('placeholder')).toBe('502');
    expect(screen.getByLabelText('Host').getAttribute('placeholder')).toBe('such as 192.168.0.10');
    expect(values).toEqual({});
  });

  it('says while typing what would be right, and takes it back', () => {
    render(<Form />);
    type('Port', '70000');
    expect(screen.getByRole('alert').textContent).toBe('Port is from 1 to 65535.');
    expect(screen.getByLabelText('Port').getAttribute('aria-invalid')).toBe('true');
    type('Port', '503');
    expect(screen.queryByRole('alert')).toBeNull();
    expect(values).toEqual({ port: 503 });
    type('Port', '');
    expect(values.port).toBeUndefined();
  });

  it('keeps what is no number so that it can be corrected', () => {
    render(<Form />);
    type('Port', '5o2');
    expect((screen.getByLabelText('Port') as HTMLInputElement).value).toBe('5o2');
    expect(screen.getByRole('alert').textContent).toBe('Port is a number.');
  });

  it('shows what depends on another field only while it applies, and never a secret in clear', () => {
    render(<Form />);
    expect(screen.queryByLabelText('Password')).toBeNull();
    fireEvent.click(screen.getByLabelText('Login'));
    expect(screen.getByLabelText('Password').getAttribute('type')).toBe('password');
  });

  it('opens a closed group when something in it is wrong', () => {
    const { rerender } = render(<Form />);
    const group = (): HTMLDetailsElement | null => screen.getByLabelText('Pause').closest('details');
    expect(group()?.open).toBe(false);
    rerender(<Form errors={new Map([['pause', 'At most 10 s.']])} />);
    expect(group()?.open).toBe(true);
    expect(screen.getByText('At most 10 s.')).toBeDefined();
  });

  it('keeps the lines of a text that has some', () => {
    const schemaOfText = z.toJSONSchema(
      z.object({ authority: z.string().default('').meta({ title: 'Authority', multiline: true }) }),
    );
    let kept: FormValues = {};
    render(
      <UiProvider preferences={preferences}>
        <SchemaForm
          schema={schemaOfText as Record<string, unknown>}
          values={{}}
          onChange={(next) => {
            kept = next;
          }}
          errors={new Map()}
        />
      </UiProvider>,
    );
    type('Authority', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----');
    expect(kept.authority).toBe('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----');
  });

  it('says of a secret that it is kept, and shows nothing of it', () => {
    const schemaOfLogin = z.toJSONSchema(
      z.object({ password: z.string().default('').meta({ title: 'Password', secret: true }) }),
    );
    render(
      <UiProvider preferences={preferences}>
        <SchemaForm
          schema={schemaOfLogin as Record<string, unknown>}
          values={{}}
          kept={new Set(['password'])}
          onChange={() => undefined}
          errors={new Map()}
        />
      </UiProvider>,
    );
    const field = screen.getByLabelText('Password') as HTMLInputElement;
    expect(field.type).toBe('password');
    expect(field.value).toBe('');
    expect(field.placeholder).toBe('kept; type to replace it');
  });

  it('calls choices by their names', () => {
    const kinds = z.toJSONSchema(
      z.object({ kind: z.enum(['tcp', 'serial']).meta({ title: 'Kind', choiceNames: { tcp: 'TCP/IP' } }) }),
    );
    render(
      <UiProvider preferences={preferences}>
        <SchemaForm
          schema={kinds as Record<string, unknown>}
          values={{}}
          onChange={() => undefined}
          errors={new Map()}
        />
      </UiProvider>,
    );
    const field = screen.getByLabelText('Kind') as HTMLSelectElement;
    expect([...field.options].map((option) => option.textContent)).toEqual(['Choose', 'TCP/IP', 'Serial']);
  });

  it('says which line of a list is wrong, and is as high as the list', () => {
    const { rerender } = render(<Form />);
    const rows = (): string | null => screen.getByLabelText('Forbidden').getAttribute('rows');
    expect(rows()).toBe('2');
    type('Forbidden', '1-2\nx\n5-6');
    rerender(<Form errors={new Map([['forbidden.1', 'Write a range such as 1-2.']])} />);
    expect(screen.getByRole('alert').textContent).toBe('"x": Write a range such as 1-2.');
    expect(rows()).toBe('3');
  });

  it('draws a nested object as a group, keeps it as an object and shows what the engine says of it', async () => {
    const { rerender } = render(<Form />);
    const host = screen.getByLabelText('Second host');
    expect(host.closest('details')?.querySelector('summary')?.textContent).toContain('Backup');
    type('Second port', '503');
    expect(values).toEqual({ backup: { port: 503 } });
    type('Second port', '');
    expect(values.backup).toBeUndefined();
    rerender(<Form errors={new Map([['backup.host', 'Not reachable from here.']])} />);
    expect(host.getAttribute('aria-invalid')).toBe('true');
    rerender(<Form errors={new Map([['backup', 'One of the two is enough.']])} />);
    expect(host.getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByLabelText('Second port').getAttribute('aria-invalid')).not.toBe('true');
  });

  it('suggests from the list that a field names, and takes anything else', async () => {
    render(<Form />);
    await screen.findByText('hosts');
    const field = screen.getByLabelText('Second host') as HTMLInputElement;
    expect(field.list?.options[0]?.value).toBe('10.0.0.1');
    type('Second host', 'plc-2');
    expect(values).toEqual({ backup: { host: 'plc-2' } });
  });
});
