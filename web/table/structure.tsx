// A compound's structure, fetched from PubChem only when a reader asks for it.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Row } from "./columns";
import { pictureUrl } from "./links";

export function Structure({ row, close }: { row: Row | undefined; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failed, setFailed] = useState(false);
  const url = row ? pictureUrl(row.cid) : null;
  useEffect(() => {
    setFailed(false);
    if (row) dialog.current?.showModal();
  }, [row]);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="structure"
      onClose={close}
      onClick={({ target, currentTarget }) => target === currentTarget && currentTarget.close()}
    >
      {row && url && (
        <div>
          <h2 id="structure">{row.compound_name ?? `Compound ${row.cid}`}</h2>
          {failed ? (
            <p role="alert">PubChem did not deliver the picture.</p>
          ) : (
            <img
              src={url}
              width={300}
              height={300}
              alt={`Structure of ${row.compound_name ?? "the compound"}`}
              onError={() => setFailed(true)}
            />
          )}
          <p>
            <a href={url} target="_blank" rel="noopener noreferrer">
              Open the picture
            </a>{" "}
            <button onClick={() => dialog.current?.close()}>
              Close
            </button>
          </p>
        </div>
      )}
    </dialog>
  );
}
