import axe from 'axe-core';

/** Say what a person with a screen reader or a keyboard would stumble over. */
export async function stumbles(node: Element): Promise<string[]> {
  const { violations } = await axe.run(node, {
    rules: {
      // Colours and the shapes of letters need a renderer; a real browser looks at them.
      'color-contrast': { enabled: false },
      'label-content-name-mismatch': { enabled: false },
      // A part of a page is no page.
      region: { enabled: false }
    }
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(found => found.html).join(' ')}`);
}
