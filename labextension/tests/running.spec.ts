import { read } from '../src/check';
import { RunningKernels } from '../src/running';
import { Refusal } from '../src/wire';
import { kernelJson, wired } from './server';

describe('RunningKernels', () => {
  it('knows the kernels that the server knows, and those that it is told of', async () => {
    const running = new RunningKernels(wired(() => ({ kernels: [kernelJson()] })));
    let changes = 0;
    running.changed.connect(() => void changes++);
    await running.refresh();
    expect(running.find('k1')?.release).toBe('2026.11');
    running.put(read('Kernel', kernelJson({ id: 'k2' })));
    expect(running.all.map(({ id }) => id)).toEqual(['k1', 'k2']);
    expect(changes).toBeGreaterThanOrEqual(2);
    running.dispose();
    running.dispose();
  });

  it('keeps what it knows when the server fails', async () => {
    const answers: (object | Error)[] = [{ kernels: [kernelJson()] }, new Refusal('gone', '', '')];
    const get = () => {
      const answer = answers.shift() ?? new Refusal('gone', '', '');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
    const running = new RunningKernels(wired(get));
    await running.refresh();
    await running.refresh();
    expect(running.find('k1')).toBeDefined();
    running.dispose();
  });

  it('asks less often while it is told', () => {
    const running = new RunningKernels(wired(() => ({ kernels: [] })));
    expect(running.isTold).toBe(false);
    running.isTold = true;
    expect(running.isTold).toBe(true);
    running.isTold = false;
    expect(running.isTold).toBe(false);
    running.dispose();
  });
});
