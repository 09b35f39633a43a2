<%@ page contentType="text/html; charset=UTF-8" import="java.sql.*" %>
<%@ include file="about.jspf" %>
<%
    request.setCharacterEncoding("UTF-8");
    boolean adds = "POST".equals(request.getMethod());
    String text = request.getParameter("text");
    if (adds && (text == null || text.isEmpty() || text.length() > 255)) {
        response.sendError(400, "text wants 1 to 255 characters");
        return;
    }
    StringBuilder rows = new StringBuilder();
    long count;
    try (Connection database = database()) {
        if (adds) {
            try (PreparedStatement insert = database.prepareStatement(
                    "INSERT INTO entries (node, application, text) VALUES (?, ?, ?)")) {
                insert.setString(1, node());
                insert.setString(2, name());
                insert.setString(3, text);
                insert.executeUpdate();
            }
            // Loading the page again shall not add it again.
            response.setStatus(303);
            response.setHeader("Location", request.getRequestURI());
            return;
        }
        try (Statement statement = database.createStatement()) {
            try (ResultSet row = statement.executeQuery("SELECT COUNT(*) FROM entries")) {
                row.next();
                count = row.getLong(1);
            }
            try (ResultSet row = statement.executeQuery(
                    "SELECT at, node, application, text FROM entries ORDER BY id DESC LIMIT 20")) {
                while (row.next()) {
                    rows.append("<tr>");
                    for (int column = 1; column <= 4; column++) {
                        rows.append("<td>").append(html(row.getString(column))).append("</td>");
                    }
                    rows.append("</tr>\n");
                }
            }
        }
    } catch (Exception problem) {
        log("database", problem);
        response.sendError(503, "the database does not answer");
        return;
    }
%>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Entries</title>
<h1>Entries</h1>
<p><%= count %> in all.</p>
<form method="post"><input name="text" maxlength="255" required> <button>Add</button></form>
<table>
<tr><th>At</th><th>Node</th><th>Application</th><th>Text</th></tr>
<%= rows %></table>
</html>
