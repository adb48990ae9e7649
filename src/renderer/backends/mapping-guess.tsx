import { type ReactNode, useState } from 'react';
import { Mark, SelectField } from '#renderer/ui/index.ts';
import type { MappingGuess, TableMapping } from '#shared/model/index.ts';
import { sureText } from './relation-rows.tsx';

/** What was recognised and why, and what only a person can say. */
export function Guess({
  guess,
  guesses,
  onChoose,
  onAnswer,
}: {
  readonly guess: MappingGuess;
  readonly guesses: readonly MappingGuess[];
  readonly onChoose: (guess: MappingGuess) => void;
  readonly onAnswer: (path: string, value: string) => void;
}): ReactNode {
  // Until a person has said so, what the mapping has is only assumed.
  const [answers, setAnswers] = useState<Readonly<Record<string, string>>>({});
  const at = Math.max(0, guesses.indexOf(guess));
  const name = ({ layout, confidence }: MappingGuess): string =>
    `${layout}, ${sureText(confidence)} (${Math.round(confidence * 100)} %)`;
  return (
    <section className="map-guess" aria-label="What was recognised">
      <div className="map-guess-head">
        <Mark tone="info" shape="diamond">
          Recognised
        </Mark>
        {guesses.length > 1 ? (
          <select
            className="select map-which"
            aria-label="Reading of the table"
            value={at}
            onChange={(event) => {
              const chosen = guesses[Number(event.target.value)];
              if (chosen !== undefined) onChoose(chosen);
            }}
          >
            {guesses.map((one, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: guesses have no other identity and never move
              <option key={index} value={index}>
                {name(one)}
              </option>
            ))}
          </select>
        ) : (
          <span>{name(guess)}</span>
        )}
        <span className="quiet">Nothing of it holds before it is saved.</span>
      </div>
      <ul className="map-reasons">
        {guess.reasons.map(({ part, text }) => (
          <li key={`${part} ${text}`}>
            <span className="quiet">{part}</span>
            <span className="selectable">{text}</span>
          </li>
        ))}
      </ul>
      {guess.questions.map((question) => (
        <div key={question.path} className="map-question">
          <SelectField
            label={question.text}
            value={answers[question.path] ?? ''}
            choices={[
              { value: '', label: 'Choose' },
              ...question.choices.map(({ value, title }) => ({ value, label: title })),
            ]}
            onChange={(value) => {
              if (value === '') return;
              setAnswers({ ...answers, [question.path]: value });
              onAnswer(question.path, value);
            }}
          />
        </div>
      ))}
    </section>
  );
}

/** The mapping with the text at a path of dots replaced; a path that is not there changes nothing. */
export function withAnswer(mapping: TableMapping, path: string, value: string): TableMapping {
  const set = (within: unknown, [key, ...rest]: readonly string[]): unknown => {
    if (key === undefined) return typeof within === 'number' ? Number(value) : value;
    if (Array.isArray(within)) return within.map((one, index) => (String(index) === key ? set(one, rest) : one));
    if (typeof within !== 'object' || within === null || !(key in within)) return within;
    return { ...within, [key]: set((within as Record<string, unknown>)[key], rest) };
  };
  return set(mapping, path.split('.')) as TableMapping;
}
