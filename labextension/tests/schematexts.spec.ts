import schema from '../schema/preferences.json';
import { textsOf, translated } from '../src/schematexts';

const trans = { pgettext: (context: string, text: string) => `${context}: ${text}` };

describe('translated', () => {
  const found = translated(schema as never, trans as never);

  it('says everything that a person reads in their language', () => {
    expect(found.title).toBe('schema: Approved Environments');
    expect(found['jupyter.lab.setting-icon-label']).toBe('settings: Approved environments');
    expect(found.properties?.['badge']).toEqual({
      title: 'settings: Badge in the toolbar',
      description:
        'settings: Show in the toolbar of a notebook or a console which environment its kernel runs.',
      type: 'boolean',
      default: true
    });
    expect(textsOf(found)).toHaveLength(textsOf(schema as never).length);
    expect(textsOf(found).every(([context, text]) => text.startsWith(`${context}: `))).toBe(true);
  });

  it('changes nothing else, nor the schema that it was given', () => {
    expect({
      ...found,
      title: 0,
      description: 0,
      properties: 0,
      'jupyter.lab.setting-icon-label': 0
    }).toEqual({
      ...schema,
      title: 0,
      description: 0,
      properties: 0,
      'jupyter.lab.setting-icon-label': 0
    });
    expect(schema.title).toBe('Approved Environments');
    expect(translated({ type: 'object' }, trans as never)).toEqual({ type: 'object' });
  });
});
