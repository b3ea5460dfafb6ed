import type { AuditFile, AuditFiles, FileUse } from './AuditFiles.js';

/** Opens a file for a piece of work. */
export async function withFile<T>(files: AuditFiles, path: string, use: FileUse, work: (file: AuditFile) => Promise<T>): Promise<T> {
  const file = await files.open(path, use);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** As `work`, or what stands in for it where there is no such file. */
export async function ifThere<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise;
    throw error;
  }
}

/** Writes a file that is whole, or not there at all: also where another process reads it meanwhile. */
export async function replaceFile(files: AuditFiles, path: string, text: string): Promise<void> {
  const next = `${path}.next`;
  await ifThere(files.remove(next), undefined);
  await withFile(files, next, 'create', (file) => file.write(Buffer.from(text)));
  await files.rename(next, path);
}
