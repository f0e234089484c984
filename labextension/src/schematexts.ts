/**
 * What settings are called, in the language of the person.
 *
 * The server translates schemas from language packs only, and the catalogue of this extension
 * is none; so the page does it when it fetches the schema, in the contexts that JupyterLab uses.
 */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';

const LABEL = 'jupyter.lab.setting-icon-label';

/** Return the texts of a schema as they stand in a catalogue: context and text. */
export function textsOf(schema: ISettingRegistry.ISchema): [string, string][] {
  const found: [string, string][] = [];
  rewritten(schema, (context, text) => {
    found.push([context, text]);
    return text;
  });
  return found;
}

/** Return the schema with every text that a person reads translated. */
export function translated(
  schema: ISettingRegistry.ISchema,
  trans: TranslationBundle
): ISettingRegistry.ISchema {
  // The texts are those in `schema/`, where the test of the catalogues finds them.
  // eslint-disable-next-line jupyter/no-dynamic-translation
  return rewritten(schema, (context, text) => trans.pgettext(context, text));
}

function rewritten(
  schema: ISettingRegistry.ISchema,
  say: (context: string, text: string) => string
): ISettingRegistry.ISchema {
  const titled = <T extends ISettingRegistry.IProperty>(part: T, context: string): T => ({
    ...part,
    ...(part.title && { title: say(context, part.title) }),
    ...(part.description && { description: say(context, part.description) })
  });
  const properties = Object.entries(schema.properties ?? {}).map(([key, property]) => [
    key,
    titled(property, 'settings')
  ]);
  const label = schema[LABEL];
  return {
    ...titled(schema, 'schema'),
    ...(typeof label === 'string' && { [LABEL]: say('settings', label) }),
    ...(schema.properties && { properties: Object.fromEntries(properties) as typeof schema.properties })
  };
}
