/**
 * Makes src/generated/wire.ts from the JSON Schemas of what goes over the wire: a type for
 * each document and each part of one that has a title, and its shape, by which src/check.ts
 * tells whether an answer is what the type says.
 *
 *   node scripts/types.mjs           write the file
 *   node scripts/types.mjs --check   exit 1 if it is not the one that would be written
 *
 * It reads the part of JSON Schema that the schemas use, and stops at anything else.
 * Names are those of the schemas, written as TypeScript writes them: `kernel_name` is `kernelName`.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { format } from 'prettier';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SCHEMAS = join(HERE, '../../jupyter_envguard/schemas');
const TARGET = join(HERE, '../src/generated/wire.ts');
const STYLE = JSON.parse(readFileSync(join(HERE, '../.prettierrc.json'), 'utf8'));

/** Say what a value is, or describe it; the rest of a schema is not looked at. */
const ANNOTATIONS = ['$schema', '$id', '$defs', 'title', 'description'];
/** How long a text or a list may be is for the server to say, who refuses what is longer. */
const LIMITS = ['minLength', 'maxLength', 'minItems', 'maxItems'];

const documents = new Map(
  readdirSync(SCHEMAS)
    .filter(name => name.endsWith('.json'))
    .sort()
    .map(name => [name, JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8'))])
);

/** Everything with a title, and the file that it is in. */
const named = new Map();
for (const [file, schema] of documents) {
  for (const part of [schema, ...Object.values(schema.$defs ?? {})]) {
    collect(part, file);
  }
}

/** Remember `schema` and what it holds under their titles. */
function collect(schema, file) {
  if (schema.title) {
    if (named.has(schema.title)) {
      throw new Error(`two schemas are called ${schema.title}`);
    }
    named.set(schema.title, { schema, file });
  }
  Object.values(schema.properties ?? {}).forEach(property => collect(property, file));
  [schema.items, ...(schema.anyOf ?? [])].filter(Boolean).forEach(part => collect(part, file));
}

/** Return the schema to which `reference` leads from `file`, and the file that it is in. */
function resolved(reference, file) {
  const [name, pointer = ''] = reference.split('#');
  const steps = pointer.split('/').filter(Boolean);
  const target = name || file;
  return [steps.reduce((schema, step) => schema[step], documents.get(target)), target];
}

/** Refuse a schema that says more than is read here. */
function only(schema, ...keywords) {
  const unread = Object.keys(schema).filter(key => ![...ANNOTATIONS, ...LIMITS, ...keywords].includes(key));
  if (unread.length) {
    throw new Error(`not read from schemas: ${unread.join(', ')}`);
  }
}

const camel = name => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const quoted = value => JSON.stringify(value);
const comment = ({ description }) => (description ? `/** ${description.replaceAll('*/', '*\\/')} */\n` : '');
const isObject = ({ properties }) => properties !== undefined;
const typeName = (title, schema) => (isObject(schema) ? `I${title}` : title);

/** Return the type and the shape of a value, as TypeScript; one that has a title is called by it. */
function written(schema, file) {
  if (schema.$ref) {
    only(schema, '$ref');
    return written(...resolved(schema.$ref, file));
  }
  return schema.title
    ? { type: typeName(schema.title, schema), shape: `{ is: ${quoted(schema.title)} }` }
    : spelled(schema, file);
}

/** Return the type and the shape of a value without its title. */
function spelled(schema, file) {
  if (schema.enum) {
    only(schema, 'enum', 'type');
    const words = schema.enum.map(quoted);
    return { type: words.join(' | '), shape: `{ words: [${words.join(', ')}] }` };
  }
  if (schema.anyOf) {
    only(schema, 'anyOf');
    const [some, nothing, ...more] = schema.anyOf;
    if (nothing?.type !== 'null' || more.length) {
      throw new Error('anyOf stands for something or null only');
    }
    const { type, shape } = written(some, file);
    return { type: `${type} | null`, shape: `{ orNull: ${shape} }` };
  }
  switch (schema.type) {
    case 'string':
      return spelledText(schema);
    case 'boolean':
      only(schema, 'type');
      return { type: 'boolean', shape: `'flag'` };
    case 'integer':
      only(schema, 'type', 'minimum');
      return { type: 'number', shape: `{ atLeast: ${schema.minimum} }` };
    case 'array': {
      only(schema, 'type', 'items');
      const { type, shape } = written(schema.items, file);
      const item = /^\w+$/.test(type) ? type : `(${type})`;
      return { type: `readonly ${item}[]`, shape: `{ list: ${shape} }` };
    }
    case 'object':
      return isObject(schema) ? spelledFields(schema, file) : spelledRecord(schema, file);
  }
  throw new Error(`not read from schemas: type ${schema.type}`);
}

function spelledText(schema) {
  only(schema, 'type', 'pattern', 'format');
  if (schema.format && schema.format !== 'date-time') {
    throw new Error(`not read from schemas: format ${schema.format}`);
  }
  const shape = schema.pattern
    ? `{ pattern: ${quoted(schema.pattern)} }`
    : schema.format
      ? `'time'`
      : `'text'`;
  return { type: 'string', shape };
}

function spelledRecord(schema, file) {
  only(schema, 'type', 'additionalProperties');
  const { type, shape } = written(schema.additionalProperties, file);
  return { type: `Readonly<Record<string, ${type}>>`, shape: `{ each: ${shape} }` };
}

function spelledFields(schema, file) {
  only(schema, 'type', 'properties', 'required', 'additionalProperties');
  const required = new Set(schema.required ?? []);
  const [types, shapes] = [[], []];
  for (const [name, property] of Object.entries(schema.properties)) {
    const { type, shape } = written(property, file);
    const mark = required.has(name) ? '' : '?';
    types.push(`${comment(property)}readonly ${camel(name)}${mark}: ${type};`);
    shapes.push(`[${[quoted(name), quoted(camel(name)), shape, ...(mark && ['true'])].join(', ')}]`);
  }
  return { type: `{\n${types.join('\n')}\n}`, shape: `{ fields: [${shapes.join(',\n')}] }` };
}

function made() {
  const titles = [...named.keys()].sort();
  const types = [];
  const shapes = [];
  for (const title of titles) {
    const { schema, file } = named.get(title);
    const { type, shape } = spelled(schema, file);
    const name = typeName(title, schema);
    types.push(
      `${comment(schema)}export ${isObject(schema) ? `interface ${name} ${type}` : `type ${name} = ${type};`}`
    );
    shapes.push(`${title}: ${shape}`);
  }
  return [
    '// Made by scripts/types.mjs from jupyter_envguard/schemas: npm run types',
    `import type { Shape } from '../check';`,
    ...types,
    '/** What each title stands for. */',
    `export interface ITitles {\n${titles.map(title => `readonly ${title}: ${typeName(title, named.get(title).schema)};`).join('\n')}\n}`,
    '/** How each is told from anything else. */',
    `export const SHAPES: Readonly<Record<keyof ITitles, Shape>> = {\n${shapes.join(',\n')}\n};`
  ].join('\n\n');
}

const text = await format(made(), { ...STYLE, parser: 'typescript' });
if (process.argv.includes('--check')) {
  if (readFileSync(TARGET, 'utf8') !== text) {
    console.error('src/generated/wire.ts does not belong to the schemas: npm run types');
    process.exit(1);
  }
} else {
  writeFileSync(TARGET, text);
}
