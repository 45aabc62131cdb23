// What runs without a request: each task by itself, again and again, never two of a kind at once.

export type Task = {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<void>
}

export type Maintenance = AsyncDisposable

/** Starts the tasks. Disposing stops them and waits for those that run. */
export function startMaintenance(options: {
  tasks: readonly Task[]
  log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}): Maintenance {
  const stopping = new AbortController()
  const loops = options.tasks.map((task) => loop(task, options.log, stopping.signal))
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}

async function loop(
  task: Task,
  log: (message: string, fields?: Readonly<Record<string, unknown>>) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task.run()
    } catch (error) {
      // A task that fails is tried again at its next turn; that it failed is said, not swallowed.
      log(`the task ${task.name} failed`, { error: String(error) })
    }
    await pause(task.everyMs, signal)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
